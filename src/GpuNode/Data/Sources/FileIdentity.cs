using System.Text;

namespace Volley.GpuNode.Data.Sources;

/// <summary>Names the state of files without reading them: path, size and time of the last change.</summary>
internal static class FileIdentity
{
    public static string Of(params IEnumerable<string> paths)
    {
        var text = new StringBuilder();
        foreach (var path in paths.Order(StringComparer.Ordinal))
        {
            var file = new FileInfo(path);
            text.Append(file.FullName).Append('|').Append(file.Length).Append('|').Append(file.LastWriteTimeUtc.Ticks).Append('\n');
        }
        return text.ToString();
    }
}

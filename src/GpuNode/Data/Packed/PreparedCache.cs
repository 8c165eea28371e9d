using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Volley.GpuNode.Data.Sources;

namespace Volley.GpuNode.Data.Packed;

/// <summary>Prepared data sets under the data root, one file for each (source, settings); made once, by whichever process comes first.</summary>
internal static class PreparedCache
{
    /// <returns>Path of the packed file; prepared now if it is not there.</returns>
    public static string Get(string dataRoot, IDatasetSource source, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"format {PackedFile.Version}\n{source.Name}\n{settings.ImageSize} {settings.Channels}\n{source.Identity}");
        var hash = Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(key)));
        var folder = Path.Combine(dataRoot, "prepared");
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"{source.Name}-{hash}.volley");
        if (File.Exists(path)) return path;
        using (FileLock.Take(path + ".lock", stop))
        {
            if (File.Exists(path)) return path;
            using var builder = new PackedBuilder(path);
            source.Prepare(builder, settings, progress, stop);
        }
        return path;
    }
}

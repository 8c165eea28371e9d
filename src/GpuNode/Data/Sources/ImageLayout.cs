using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>Reads part and class of an image from its path: <c>[…/]train/CLASS/…</c> and <c>test/</c> or <c>val/</c>, or <c>[…/]CLASS/file</c> without parts.</summary>
internal static class ImageLayout
{
    public enum Part { None, Train, Val, Test }

    /// <param name="path">With forward slashes, relative to the folder or archive.</param>
    public static (Part Part, string Class, string NameInPart) Parse(string path, string source)
    {
        var segments = path.Split('/');
        for (var i = 0; i + 2 < segments.Length; i++)
        {
            var part = segments[i].ToLowerInvariant() switch
            {
                "train" or "training" => Part.Train,
                "val" or "valid" or "validation" => Part.Val,
                "test" or "testing" => Part.Test,
                _ => Part.None,
            };
            if (part != Part.None) return (part, segments[i + 1], string.Join('/', segments[(i + 1)..]));
        }
        return segments.Length >= 2
            ? (Part.None, segments[^2], $"{segments[^2]}/{segments[^1]}")
            : throw new UserErrorException($"{source}: {path} lies in no class folder; expected train/CLASS/FILE and test/CLASS/FILE (or val/), or CLASS/FILE.");
    }
}

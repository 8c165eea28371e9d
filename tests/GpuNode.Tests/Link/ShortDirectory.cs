namespace Volley.GpuNode.Tests.Link;

/// <summary>A directory of its own with a path short enough for a socket.</summary>
internal sealed class ShortDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("v-").FullName;

    public string Socket => System.IO.Path.Combine(Path, "s");

    public void Dispose()
    {
        if (Directory.Exists(Path)) Directory.Delete(Path, recursive: true);
    }
}

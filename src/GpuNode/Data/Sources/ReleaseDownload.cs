using System.Security.Cryptography;
using Volley.GpuNode.Data.Packed;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>A release's archive in the download folder: there and right, or fetched from its home. Processes that want the same one wait for each other.</summary>
internal sealed class ReleaseDownload(Uri address, string name, string md5, string folder, Downloader downloader)
{
    /// <returns>Path of the archive, its checksum verified.</returns>
    public string Get(IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, name);
        using var held = FileLock.Take(path + ".lock", stop);
        if (File.Exists(path))
        {
            var found = Md5Of(path);
            if (found == md5) return path;
            throw new UserErrorException($"{path}: has the MD5 checksum {found}, {name} has {md5}. The copy is damaged or another file: delete it, and it is fetched again.");
        }
        // The edge between synchronous preparation and the network; nothing else runs on this thread.
        downloader.FetchAsync(address, path, md5, progress, stop).GetAwaiter().GetResult();
        return path;
    }

    internal static string Md5Of(string path)
    {
        using var file = File.OpenRead(path);
#pragma warning disable CA5351 // The checksum that the home page states; against damage, not against malice.
        return Convert.ToHexStringLower(MD5.HashData(file));
#pragma warning restore CA5351
    }
}

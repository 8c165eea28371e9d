using System.Text;
using Volley.Shared;

namespace Volley.GpuNode.Link;

/// <summary>Where the agent listens for its ranks.</summary>
internal static class SocketPath
{
    /// <summary>sockaddr_un holds 108 bytes, the last of them a zero.</summary>
    public const int MaxBytes = 107;

    private const string FileName = "rank.sock";

    /// <exception cref="UserErrorException">The directory's path is too long for a socket in it.</exception>
    public static string In(string directory)
    {
        var path = Path.Combine(Path.GetFullPath(directory), FileName);
        var bytes = Encoding.UTF8.GetByteCount(path);
        if (bytes > MaxBytes)
            throw new UserErrorException($"--run-dir {directory}: the socket in it would be {path}, {bytes} bytes long; Linux allows {MaxBytes}. Name a shorter directory, for example --run-dir /tmp/volley.");
        return path;
    }
}

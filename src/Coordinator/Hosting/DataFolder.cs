using Volley.Shared;

namespace Volley.Coordinator.Hosting;

/// <summary>The <c>--data</c> folder belongs to one coordinator at a time.</summary>
internal static class DataFolder
{
    private const string LockFile = "serve.lock";

    /// <returns>The lock; it ends with the process, and the file stays.</returns>
    /// <exception cref="UserErrorException">Another coordinator works on it, or it cannot be written.</exception>
    public static IDisposable Hold(string folder)
    {
        var path = Path.Combine(folder, LockFile);
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UserErrorException($"--data {folder}: cannot be written: {error.Message}", error);
        }
        catch (IOException error)
        {
            throw new UserErrorException(
                File.Exists(path)
                    ? $"--data {folder}: another `volley serve` works on it now (it holds {path}). Stop it, or give this one another --data."
                    : $"--data {folder}: cannot be made: {error.Message}",
                error);
        }
    }
}

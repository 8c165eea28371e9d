using Volley.Shared;

namespace Volley.GpuNode.Data;

/// <summary>A full disk, a file that may not be read, a name that another process is writing: a person can put them right.</summary>
internal static class DiskErrors
{
    /// <summary>Runs the work; what the disk refuses becomes one message. .NET's text names the path.</summary>
    public static T Explain<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The data set could not be read or prepared: {refused.Message}", refused);
        }
    }
}

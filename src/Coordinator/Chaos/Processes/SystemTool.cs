using System.ComponentModel;
using System.Diagnostics;
using Volley.Shared;

namespace Volley.Coordinator.Chaos.Processes;

/// <summary>Programs of the system that make and remove namespaces, links and mounts.</summary>
internal static class SystemTool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <param name="Says">The command and what it answered, in one line.</param>
    internal sealed record Answer(int Code, string Says);

    /// <returns>Code 127 where there is no such program.</returns>
    public static Answer Run(string program, params string[] arguments)
    {
        var command = $"{program} {string.Join(' ', arguments)}";
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true })!;
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill();
                return new Answer(124, $"{command}: did not end within {Patience.TotalSeconds:0} s");
            }
            return new Answer(process.ExitCode, $"{command}: {(error.Result + output.Result).Trim().ReplaceLineEndings(" ")}");
        }
        catch (Win32Exception missing)
        {
            return new Answer(127, $"{command}: {missing.Message}");
        }
    }

    /// <exception cref="UserErrorException">It failed.</exception>
    public static void Require(string program, params string[] arguments)
    {
        if (Run(program, arguments) is { Code: not 0 } failed) throw new UserErrorException($"{failed.Says} (code {failed.Code}).");
    }
}

/// <summary>The kernel's list of mounts.</summary>
internal static class Mounts
{
    private const int MountPointField = 4;

    public static bool IsMounted(string path) =>
        // Spaces are written as \040 there.
        File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ')[MountPointField].Replace("\\040", " ", StringComparison.Ordinal) == path);
}

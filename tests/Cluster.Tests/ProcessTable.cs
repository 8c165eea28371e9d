using System.Globalization;
using System.Runtime.InteropServices;

namespace Volley.Cluster.Tests;

/// <summary>Who runs on this machine, from /proc; only processes whose arguments name a test's own folder are ever touched.</summary>
internal static partial class ProcessTable
{
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;

    /// <summary>Processes of <paramref name="folder"/>: every argument list of ours names it.</summary>
    public static IReadOnlyList<int> Of(string folder, string? verb = null) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid != 0 && pid != Environment.ProcessId && Arguments(pid) is { } arguments
                && arguments.Any(argument => argument.StartsWith(folder, StringComparison.Ordinal)) && (verb is null || arguments.ElementAtOrDefault(1) == verb)),
    ];

    public static void Send(int pid, int signal) => Assert.True(Kill(pid, signal) == 0, $"process {pid} is gone already");

    /// <returns>False where it is gone already.</returns>
    public static bool TrySend(int pid, int signal) => Kill(pid, signal) == 0;

    /// <summary>A condition on the process table, looked at every 20 ms.</summary>
    public static async Task UntilAsync(Func<bool> holds, TimeSpan timeout, Func<string> orElse)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var started = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            if (TimeProvider.System.GetElapsedTime(started) > timeout) Assert.Fail($"{timeout.TotalSeconds} s passed: {orElse()}");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    private static string[]? Arguments(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Split('\0');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;   // ended in this moment
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}

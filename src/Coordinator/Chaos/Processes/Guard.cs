using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Volley.Coordinator.Chaos.Processes;

/// <summary>
/// A second process that waits for the end of the run, however that comes, and takes back what the <see cref="Ledger"/> lists: it reads
/// from a pipe whose other end only the run holds.
/// </summary>
internal sealed class Guard : IDisposable
{
    public const string Option = "--guard";

    private readonly Process _process;

    private Guard(Process process) => _process = process;

    public static Guard Start(string ledger)
    {
        var start = OwnProgram.Start("chaos", Option, ledger);
        start.RedirectStandardInput = true;
        return new Guard(Process.Start(start)!);
    }

    /// <summary>The guard's own life: until the pipe ends.</summary>
    public static async Task<int> WatchAsync(string ledger)
    {
        // Ctrl-C in a terminal reaches every process in it; the guard is there for what comes after.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => signal.Cancel = true);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => signal.Cancel = true);
        var buffer = new byte[64];
        await using var input = Console.OpenStandardInput();
        while (await input.ReadAsync(buffer) > 0) { }
        if (!File.Exists(ledger)) return 0;         // the run ended in good order and took it along
        return Ledger.Undo(ledger).Count == 0 ? 0 : 1;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}

/// <summary>This program, started once more.</summary>
internal static class OwnProgram
{
    public static ProcessStartInfo Start(params string[] arguments)
    {
        var (program, first) = Command;
        return new ProcessStartInfo(program, [.. first, .. arguments]) { UseShellExecute = false };
    }

    /// <summary>Program and first arguments: <c>dotnet volley.dll</c> where it runs like that.</summary>
    public static (string Program, string[] First) Command
    {
        get
        {
            var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
            return Path.GetFileNameWithoutExtension(program) == "dotnet" ? (program, [Path.Combine(AppContext.BaseDirectory, "volley.dll")]) : (program, []);
        }
    }
}

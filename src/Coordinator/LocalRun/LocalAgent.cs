using System.Diagnostics;
using System.Runtime.InteropServices;
using Volley.Coordinator.Cli;
using Volley.Shared;

namespace Volley.Coordinator.LocalRun;

/// <param name="Slots">Ranks it runs at once.</param>
/// <param name="ThreadsPerSlot">CPU threads of each.</param>
internal sealed record LocalAgentOptions(string SeedAddress, int Slots, int ThreadsPerSlot, string RunDirectory, string DataRoot, string LogDirectory);

/// <summary>
/// The agent of this machine, as a child process of <c>volley run</c>: the same program that other machines run. It ends with its parent,
/// however that ends. One that dies is started again; its trials go on from their checkpoints.
/// </summary>
internal sealed partial class LocalAgent : IAsyncDisposable
{
    public const string Name = "local";

    /// <summary>Ranks stop at their next step boundary, write a checkpoint and report it; DESIGN §3 gives them 20 s.</summary>
    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(25);

    // An agent that dies so often in so short a time will not live the next time either.
    private const int MaxDeaths = 5;
    private static readonly TimeSpan DeathWindow = TimeSpan.FromMinutes(2);

    private readonly LocalAgentOptions _options;
    private readonly TimeProvider _clock;
    private readonly Action<string> _tell;
    private readonly StreamWriter _log;
    private readonly Queue<string> _lastLines = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _supervision;
    private Process _process;

    private LocalAgent(LocalAgentOptions options, TimeProvider clock, Action<string> tell)
    {
        (_options, _clock, _tell) = (options, clock, tell);
        Directory.CreateDirectory(options.LogDirectory);
        _log = new StreamWriter(new FileStream(Path.Combine(options.LogDirectory, "agent.out"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        _process = StartProcess();
        _supervision = SuperviseAsync();
    }

    /// <summary>Completes only when the agent cannot be kept alive, as a failure.</summary>
    public Task Supervision => _supervision;

    /// <param name="tell">For what a person should know: that it died and was started again.</param>
    /// <exception cref="UserErrorException">The program is missing.</exception>
    public static LocalAgent Start(LocalAgentOptions options, TimeProvider clock, Action<string> tell) => new(options, clock, tell);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _supervision.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);      // from here on nobody starts another
        if (!_process.HasExited)
        {
            _ = Signal(_process.Id, Sigterm);
            try
            {
                await _process.WaitForExitAsync().WaitAsync(GracePeriod, _clock);
            }
            catch (TimeoutException)
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync();
            }
        }
        _process.Dispose();
        await _log.DisposeAsync();
        _ending.Dispose();
    }

    private async Task SuperviseAsync()
    {
        var deaths = new Queue<DateTimeOffset>();
        while (true)
        {
            await _process.WaitForExitAsync(_ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_ending.IsCancellationRequested) return;
            var (code, now) = (_process.ExitCode, _clock.GetUtcNow());
            string last;
            lock (_lastLines) last = string.Join('\n', _lastLines);
            if (code == UserErrorException.ExitCode) throw new UserErrorException($"The local agent cannot run: {last}");
            deaths.Enqueue(now);
            while (now - deaths.Peek() > DeathWindow) deaths.Dequeue();
            if (deaths.Count >= MaxDeaths)
                throw new UserErrorException($"The local agent ended {MaxDeaths} times within {DeathWindow.TotalMinutes:0} minutes, the last time with code {code}. Its log is {_options.LogDirectory}/agent.log; its last lines:\n{last}");
            _tell($"The local agent ended (code {code}); starting it again.");
            using var dead = _process;
            _process = StartProcess();
        }
    }

    private Process StartProcess()
    {
        var start = new ProcessStartInfo(NodeProgram.Locate())
        {
            RedirectStandardInput = true,       // never written to: its end tells the agent that this process is gone
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            "join", "--seed", _options.SeedAddress, "--name", Name, "--slots", $"{_options.Slots}", "--threads-per-slot", $"{_options.ThreadsPerSlot}",
            "--run-dir", _options.RunDirectory, "--data-root", _options.DataRoot, "--log-dir", _options.LogDirectory, "--parent-pid", $"{Environment.ProcessId}",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var process = Process.Start(start) ?? throw new UserErrorException($"{start.FileName} could not be started.");
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > 20) _lastLines.Dequeue();
            if (!_ending.IsCancellationRequested) _log.WriteLine(line);
        }
    }

    private const int Sigterm = 15;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}

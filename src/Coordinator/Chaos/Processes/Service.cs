using System.Diagnostics;
using Volley.Shared;

namespace Volley.Coordinator.Chaos.Processes;

/// <summary>
/// A child process that is started again whenever it ends, as an init system would. Its lines go to a file; it is written into the
/// ledger at each start.
/// </summary>
internal sealed class Service : IAsyncDisposable
{
    /// <summary>As systemd's RestartSec= is commonly set, and short enough that the cluster's own times are what is measured.</summary>
    private static readonly TimeSpan RestartDelay = TimeSpan.FromMilliseconds(500);

    // One that ends so often in a row, each time so soon after its start, will not live the next time either.
    private const int MostShortLives = 6;
    private static readonly TimeSpan ShortLife = TimeSpan.FromSeconds(4);
    private const int LinesKept = 20;

    /// <summary>SIGTERM gets an agent 20 s (DESIGN §3).</summary>
    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(25);

    private readonly Func<ProcessStartInfo> _command;
    private readonly Ledger _ledger;
    private readonly TimeProvider _clock;
    private readonly StreamWriter _log;
    private readonly Queue<string> _lastLines = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _supervision;
    private Process _process;

    private Service(string name, Func<ProcessStartInfo> command, string logFile, Ledger ledger, TimeProvider clock)
    {
        (Name, _command, _ledger, _clock) = (name, command, ledger, clock);
        Directory.CreateDirectory(Path.GetDirectoryName(logFile)!);
        _log = new StreamWriter(new FileStream(logFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        _process = Launch();
        _supervision = SuperviseAsync();
    }

    public string Name { get; }

    /// <summary>The living process; while it is being started again, the dead one.</summary>
    public ProcessMark Mark { get; private set; } = null!;

    /// <summary>1 at first.</summary>
    public int Starts { get; private set; }

    /// <summary>Completes only when it cannot be kept alive, as a failure.</summary>
    public Task Supervision => _supervision;

    /// <exception cref="UserErrorException">The program is missing.</exception>
    public static Service Start(string name, Func<ProcessStartInfo> command, string logFile, Ledger ledger, TimeProvider clock) => new(name, command, logFile, ledger, clock);

    /// <summary>SIGTERM, and SIGKILL to one that does not follow.</summary>
    public async Task StopAsync()
    {
        await _ending.CancelAsync();
        await _supervision.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);      // from here on nobody starts another
        if (_process.HasExited) return;
        Mark.Signal(ProcessMark.SigTerm);
        try
        {
            await _process.WaitForExitAsync().WaitAsync(GracePeriod, _clock);
        }
        catch (TimeoutException)
        {
            await KillAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _supervision.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await KillAsync();
        _process.Dispose();
        lock (_lastLines) _log.Dispose();
        _ending.Dispose();
    }

    private async Task KillAsync()
    {
        if (_process.HasExited) return;
        Mark.Signal(ProcessMark.SigKill);
        await _process.WaitForExitAsync();
    }

    private async Task SuperviseAsync()
    {
        var shortLives = 0;
        while (true)
        {
            var started = _clock.GetTimestamp();
            await _process.WaitForExitAsync(_ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_ending.IsCancellationRequested) return;
            shortLives = _clock.GetElapsedTime(started) < ShortLife ? shortLives + 1 : 0;
            if (shortLives >= MostShortLives)
            {
                lock (_lastLines)
                    throw new UserErrorException($"{Name} ended {MostShortLives} times in a row right after its start, the last time with code {_process.ExitCode}. It said:\n{string.Join('\n', _lastLines)}");
            }
            await Task.Delay(RestartDelay, _clock, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_ending.IsCancellationRequested) return;
            using var dead = _process;
            _process = Launch();
        }
    }

    private Process Launch()
    {
        var start = _command();
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.UseShellExecute = false;
        var process = Process.Start(start) ?? throw new UserErrorException($"{start.FileName} could not be started.");
        if (ProcessMark.Of(process.Id) is { } mark)
        {
            Mark = mark;
            _ledger.Add(new Ledger.Entry(Process: mark));
        }
        else
        {
            Mark = new ProcessMark(process.Id, -1);      // it has ended already: nothing is like this mark
        }
        Starts++;
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
            if (_lastLines.Count > LinesKept) _lastLines.Dequeue();
            if (!_ending.IsCancellationRequested) _log.WriteLine(line);
        }
    }
}

using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Processes;
using Volley.Shared.Failpoints;
using Volley.Shared.Messages;
using Volley.Shared.Serialization;

namespace Volley.GpuNode.Agent;

/// <summary>One rank's process from spawn to confirmed death: its output, its conversation, its end.</summary>
internal sealed class RankProcess(RankKey key, SupervisorSettings settings, RankSession session, IRankEvents events, ILogger log)
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? _process;
    private Ended? _ended;
    private string? _killReason;
    private string _dataDigest = "";
    private bool _isStopRequested;
    private bool _hasStarted;
    private bool _wasStoppedBeforeStart;

    // Of the attempt it is in now, for what it reports; where it was born names its files.
    private RankKey? _later;
    private JoinAttempt? _joining;          // told to join, and not ready yet: what it says of its progress is of the attempt before

    /// <summary>Never throws; the exit is reported in every case.</summary>
    public async Task RunAsync(StartRank start, IReadOnlyList<string> checkpointProblems, ProcessStartInfo command, RunDirectory runDirectory, SpawnThread spawner)
    {
        RankExit exit;
        try
        {
            exit = await SuperviseAsync(start, checkpointProblems, command, runDirectory, spawner);
        }
        catch (Exception error) when (error is Win32Exception or IOException or UnauthorizedAccessException)
        {
            exit = new RankExit(RankEnd.Lost, null, $"{key} could not be started: {error.Message}", false, []);
        }
        finally
        {
            _exited.TrySetResult();
            session.Close();
        }
        log.LogInformation("{Rank}: {End}. {Error}", key, exit.End, exit.Error);
        events.OnExited(Current, exit);
    }

    /// <summary>It is a rank of a later attempt from now on, with all it has in memory.</summary>
    public void Join(RankKey next, StartRank start)
    {
        var join = new JoinAttempt { Attempt = next.Attempt, WorldSize = start.WorldSize };
        join.ResumeFrom.AddRange(start.ResumeFrom.Select(ToResume));
        lock (_lock)
        {
            (_later, _joining) = (next, join);
            if (_hasStarted) session.Post(new ToRank { JoinAttempt = join });
        }
        log.LogInformation("{Rank}: goes on as attempt {Attempt}", key, next.Attempt);
    }

    public void FormGroup(Shared.Messages.FormGroup group)
    {
        var message = new Link.Wire.FormGroup { Attempt = group.Attempt, Secret = ByteString.CopyFrom(group.Secret.Value.Span) };
        message.Members.AddRange(group.Members.Select(member => new GroupMember { Rank = member.Rank, Machine = member.Machine, Host = member.Host, Port = member.Port, Step = member.Step }));
        session.Post(new ToRank { FormGroup = message });
    }

    public RankSession Session => session;

    /// <summary>Its exit is told, or will be in this moment.</summary>
    public bool HasEnded => _exited.Task.IsCompleted;

    private RankKey Current
    {
        get { lock (_lock) return _later ?? key; }
    }

    public void Stop(StopMode mode)
    {
        lock (_lock)
        {
            if (_isStopRequested && mode == StopMode.Graceful) return;
            _isStopRequested = true;
            if (mode == StopMode.Graceful && _hasStarted)
            {
                session.Post(new ToRank { Stop = new Stop() });
                _ = KillAfterAsync(settings.Timeouts.Stop, $"It did not stop within {settings.Timeouts.Stop.TotalSeconds} s and was killed.");
                return;
            }
            // Before StartTrial there is nothing to save.
            if (mode == StopMode.Graceful) _wasStoppedBeforeStart = true;
        }
        Kill("It was killed because the coordinator or this agent asked for it.");
    }

    public void Kill(string reason)
    {
        lock (_lock)
        {
            _killReason ??= reason;
            if (_process is null) return;   // SuperviseAsync looks again once it is spawned
            try { _process.Kill(); }
            catch (InvalidOperationException) { /* it has ended by itself in this moment */ }
        }
    }

    private async Task<RankExit> SuperviseAsync(StartRank start, IReadOnlyList<string> checkpointProblems, ProcessStartInfo command, RunDirectory runDirectory, SpawnThread spawner)
    {
        using var rankLog = new RankLog(settings.LogPath(key), settings.Time);
        var stepFile = runDirectory.StepFileOf(key);
        using var steps = StepRecord.Create(stepFile);
        command.RedirectStandardInput = command.RedirectStandardOutput = command.RedirectStandardError = true;
        var outOfMemoryKills = OutOfMemoryKills();
        using var process = await spawner.StartAsync(command);
        using var record = ProcessIdentity.Of(process.Id) is { } identity ? runDirectory.Record(key, identity) : null;
        session.SpawnedAs(process.Id);
        bool isUnwanted;
        lock (_lock)
        {
            _process = process;
            isUnwanted = _killReason is not null;
        }
        if (isUnwanted) process.Kill();
        log.LogInformation("{Rank}: process {Pid}", key, process.Id);
        Failpoint.Hit(FailpointNames.AgentAfterLaunch);
        events.OnStarted(key, process.Id);

        await HandOverSecretAsync(process);
        var draining = Task.WhenAll(rankLog.DrainAsync(process.StandardOutput.BaseStream), rankLog.DrainAsync(process.StandardError.BaseStream));
        var exiting = process.WaitForExitAsync();
        var conversing = ConverseAsync(StartMessage(start, checkpointProblems, stepFile));
        if (await Task.WhenAny(exiting, conversing) == conversing)
        {
            // It said all it had to say, or hung, or closed the socket: in each case its process has to end now.
            _ = KillAfterAsync(settings.Timeouts.Exit, $"Its conversation with the agent was over and it did not end within {settings.Timeouts.Exit.TotalSeconds} s; it was killed.");
        }
        await exiting;
        _exited.SetResult();
        // What it wrote before its death is still in the socket and in the pipes.
        await Task.WhenAny(conversing, Task.Delay(settings.Timeouts.Drain, settings.Time));
        session.Close();
        await conversing;
        await Task.WhenAny(draining, Task.Delay(settings.Timeouts.Drain, settings.Time));
        lock (_lock) _process = null;
        File.Delete(stepFile);
        var death = new RankDeath(_ended, process.ExitCode, _killReason, _wasStoppedBeforeStart, OutOfMemoryKills() > outOfMemoryKills, rankLog.LastLines);
        return RankExits.Classify(death) with { StartStep = steps.Start, LastStep = steps.Start is null ? null : steps.Last, DataDigest = _dataDigest };
    }

    private async Task HandOverSecretAsync(Process process)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(session.SecretHex);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it read: its exit tells.
        }
    }

    private async Task ConverseAsync(StartTrial start)
    {
        try
        {
            await Task.WhenAny(session.Attached, _exited.Task).WaitAsync(settings.Timeouts.Connect, settings.Time);
        }
        catch (TimeoutException)
        {
            Kill($"It did not attach to its agent within {settings.Timeouts.Connect.TotalSeconds} s and was killed.");
            return;
        }
        lock (_lock)
        {
            if (_isStopRequested || !session.Attached.IsCompleted) return;
            _hasStarted = true;
            session.Post(new ToRank { Start = start });
            if (_joining is { } join) session.Post(new ToRank { JoinAttempt = join });
        }
        using var ticks = new PeriodicTimer(settings.Timeouts.Heartbeat, settings.Time);
        var tick = ticks.WaitForNextTickAsync().AsTask();
        var missed = 0;
        while (true)
        {
            var readable = session.Incoming.WaitToReadAsync().AsTask();
            while (await Task.WhenAny(readable, tick) == tick && !readable.IsCompleted)
            {
                tick = ticks.WaitForNextTickAsync().AsTask();
                if (++missed <= settings.Timeouts.MissedHeartbeats) continue;
                Kill($"It gave no sign of life for {missed * settings.Timeouts.Heartbeat.TotalSeconds} s and was killed.");
                return;
            }
            if (!await readable) return;
            missed = 0;
            while (session.Incoming.TryRead(out var message)) Take(message);
        }
    }

    private void Take(FromRank message)
    {
        var now = Current;
        switch (message.MessageCase)
        {
            case FromRank.MessageOneofCase.GroupReady when message.GroupReady.Attempt == now.Attempt:
                var ready = message.GroupReady;
                lock (_lock) _joining = null;
                events.OnGroupReady(now, new GroupAddress(now.Rank, ready.Machine, ready.Host, ready.Port, ready.Step));
                break;
            case FromRank.MessageOneofCase.PeerLost when message.PeerLost.Attempt == now.Attempt:
                events.OnPeerLost(now, [.. message.PeerLost.Lost], message.PeerLost.Step, message.PeerLost.Reason);
                break;
            case FromRank.MessageOneofCase.GroupReady or FromRank.MessageOneofCase.PeerLost: break;      // of an attempt that is over
            case FromRank.MessageOneofCase.Progress when _joining is not null: break;
            // Written before it joined a later attempt: nobody would take it, and its name says so.
            case FromRank.MessageOneofCase.Checkpoint when message.Attempt > 0 && message.Attempt != now.Attempt: break;
            case FromRank.MessageOneofCase.Progress:
                var p = message.Progress;
                events.OnProgress(new ProgressReport(now.Trial, now.Attempt, now.Rank, p.Epoch, p.TotalEpochs, p.Step, p.TotalSteps, p.Loss, p.ImagesPerSecond,
                    p.StartStep, p.SecondsSinceFirstStep)
                {
                    CheckpointProblem = MessageLimits.Clip(p.CheckpointProblem),
                    CheckpointProblems = p.CheckpointProblems,
                    DataDigest = _dataDigest,
                });
                break;
            case FromRank.MessageOneofCase.Epoch:
                events.OnEpoch(now, message.Epoch.FromWire());
                break;
            case FromRank.MessageOneofCase.Checkpoint:
                var c = message.Checkpoint;
                events.OnCheckpoint(now, new CheckpointReport(
                    now.Trial, now.Attempt, c.Step, c.Epoch, c.RelativePath, c.ManifestSha256, c.HasObjectiveValue ? c.ObjectiveValue : null, c.Bytes)
                {
                    DataDigest = _dataDigest,
                    Rank = now.Rank,
                });
                break;
            case FromRank.MessageOneofCase.Data:
                _dataDigest = message.Data.Digest;
                break;
            case FromRank.MessageOneofCase.Ended:
                _ended = message.Ended;
                break;
        }
    }

    private StartTrial StartMessage(StartRank start, IReadOnlyList<string> checkpointProblems, string stepFile)
    {
        var message = new StartTrial
        {
            SpecJson = start.SpecJson,
            CheckpointRoot = start.CheckpointRoot,
            DataRoot = start.DataRoot.Length > 0 ? start.DataRoot : settings.DataRoot,
            BaseDirectory = start.BaseDirectory,
            WorldSize = start.WorldSize,
            StepFile = stepFile,
            HeartbeatMs = (int)settings.Timeouts.Heartbeat.TotalMilliseconds,
            Host = settings.Host,
        };
        message.CheckpointProblems.AddRange(checkpointProblems);
        message.ResumeFrom.AddRange(start.ResumeFrom.Select(ToResume));
        return message;
    }

    private static CheckpointToResume ToResume(CheckpointReference checkpoint) =>
        new() { Step = checkpoint.Step, RelativePath = checkpoint.RelativePath, ManifestSha256 = checkpoint.ManifestSha256 };

    private async Task KillAfterAsync(TimeSpan grace, string reason)
    {
        await Task.WhenAny(_exited.Task, Task.Delay(grace, settings.Time));
        if (!_exited.Task.IsCompleted) Kill(reason);
    }

    /// <summary>Processes the kernel has killed for memory since boot.</summary>
    private static long OutOfMemoryKills() =>
        File.ReadLines("/proc/vmstat").FirstOrDefault(line => line.StartsWith("oom_kill ", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.AsSpan("oom_kill ".Length), CultureInfo.InvariantCulture)
            : 0;
}

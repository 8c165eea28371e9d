using System.Collections.Immutable;
using System.Threading.Channels;
using Akka.Actor;
using Volley.GpuNode.CheckpointCopies;
using Volley.GpuNode.Link;
using Volley.Shared.Failpoints;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.GpuNode.Agent;

/// <summary>The agent itself: one queue of inputs, one thread of decisions, effects carried out in order. Outlives every actor system.</summary>
internal sealed class AgentLoop : IRankEvents, IDisposable
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    private readonly Channel<AgentInput> _inputs = Channel.CreateUnbounded<AgentInput>(new UnboundedChannelOptions { SingleReader = true });
    private readonly AgentFacts _facts;
    private readonly RankSupervisor _supervisor;
    private readonly AllowedRoots _roots;
    private readonly ResumePreparation _preparation;
    private readonly CheckpointCopier _copier;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private volatile IActorRef? _node;

    /// <param name="fetcher">The caller's.</param>
    public AgentLoop(AgentFacts facts, RankSupervisor supervisor, AllowedRoots roots, CheckpointFetcher fetcher, TimeProvider time, ILoggerFactory logs)
    {
        (_facts, _supervisor, _roots, _time, _log) = (facts, supervisor, roots, time, logs.CreateLogger<AgentLoop>());
        _preparation = new ResumePreparation(fetcher, facts.Node, new FetchTimeouts(), time, Tell, logs.CreateLogger<ResumePreparation>());
        _copier = new CheckpointCopier(fetcher, facts.Node, logs.CreateLogger<CheckpointCopier>());
    }

    /// <summary>Another cluster answered: the owner of the actor system builds a new one.</summary>
    public event Action? RebuildWanted;

    /// <summary>The first time the coordinator accepted this agent.</summary>
    public event Action? Registered;

    public void Post(AgentInput input) => _inputs.Writer.TryWrite(input);

    public void Dispose()
    {
        _preparation.Dispose();
        _copier.Dispose();
    }

    public void Attach(IActorRef node)
    {
        _node = node;
        Post(new AgentInput.Connected());
    }

    public void Detach(IActorRef node)
    {
        if (!node.Equals(_node)) return;   // a newer one is attached
        _node = null;
        Post(new AgentInput.Disconnected());
    }

    /// <returns>Null where it ended as asked; else what to tell the person who started it.</returns>
    public async Task<string?> RunAsync()
    {
        var state = new AgentState(_facts);
        using var ticks = new PeriodicTimer(TickPeriod, _time);
        var ticking = Task.Run(async () =>
        {
            while (await ticks.WaitForNextTickAsync()) Post(new AgentInput.Tick());
        });
        try
        {
            await foreach (var input in _inputs.Reader.ReadAllAsync())
            {
                if (input is AgentInput.Heard { Message: RankExitAccepted }) Failpoint.Hit(FailpointNames.AgentBeforeExitAcknowledged);
                var wasRegistered = state.ClusterId.Length > 0;
                (state, var effects) = AgentCore.Decide(state, input);
                foreach (var effect in effects)
                {
                    if (effect is AgentEffect.Exit exit) return exit.Error;
                    CarryOut(effect);
                }
                if (!wasRegistered && state.ClusterId.Length > 0) Registered?.Invoke();
            }
            throw new InvalidOperationException("The agent's queue of inputs was closed.");
        }
        finally
        {
            ticks.Dispose();
            await ticking;
        }
    }

    private void CarryOut(AgentEffect effect)
    {
        switch (effect)
        {
            case AgentEffect.Send { Message: var message }:
                _node?.Tell(new NodeActor.Outgoing(message));
                if (message is EpochReport or CheckpointReport or RankExited) Failpoint.Hit(FailpointNames.AgentAfterReportSent, message.GetType().Name);
                break;
            case AgentEffect.Launch launch: Launch(launch); break;
            case AgentEffect.StopProcess stop: if (!_preparation.Stop(stop.Rank)) _supervisor.Stop(stop.Rank, stop.Mode); break;
            case AgentEffect.JoinAttempt join: _supervisor.Join(join.Rank, join.Start); break;
            case AgentEffect.FormGroup form: _supervisor.FormGroup(form.Rank, form.Group); break;
            case AgentEffect.FetchCopy { Command: var command }: _copier.Copy(command, _roots.DirectoryOf(command.CheckpointRoot, command.Checkpoint.RelativePath), Tell); break;
            case AgentEffect.Readdress { Start: var start }: _preparation.Readdress(new RankKey(start.Trial, start.Attempt, start.Rank), start); break;
            case AgentEffect.DeleteCheckpoint { Command: var command }: _ = Task.Run(() => Delete(command)); break;
            case AgentEffect.RebuildActorSystem:
                _log.LogWarning("Another cluster answers at the coordinator's address: joining it anew; ranks go on");
                RebuildWanted?.Invoke();
                break;
            case AgentEffect.Warn { Text: var text }: _log.LogWarning("{Text}", text); break;
            default: throw new InvalidOperationException($"{effect} is no effect of an agent.");
        }
    }

    private void Launch(AgentEffect.Launch launch)
    {
        Failpoint.Hit(FailpointNames.AgentBeforeLaunch);
        var key = new RankKey(launch.Start.Trial, launch.Start.Attempt, launch.Start.Rank);
        var (start, problem) = _roots.Resolve(launch.Start);
        if (start is not null) problem = MakeRoom(start);
        if (problem is not null) start = null;
        if (start is null) Post(new AgentInput.Exited(key, new RankExit(RankEnd.Failed, null, problem!, IsUserError: true, [])));
        else if (!ResumePreparation.IsNeeded(start)) _supervisor.Start(start, launch.Slots, [], this);
        else _preparation.Begin(key, start,
            (prepared, problems) => _supervisor.Start(prepared, launch.Slots, problems, this),
            failure => Post(new AgentInput.Exited(key, new RankExit(failure is null ? RankEnd.Stopped : RankEnd.Lost, null, failure ?? "", false, []))));
    }

    /// <returns>Why the rank cannot start; null: it can.</returns>
    private string? MakeRoom(StartRank start)
    {
        if (_roots.CheckpointRoot is null) return null;      // the folder of `volley run` belongs to one journal
        try
        {
            if (EarlierSweep.MoveAside(start, _time.GetUtcNow()) is { } aside)
                _log.LogWarning("{Trial}: checkpoints of an earlier sweep of that name were moved to {Path}", start.Trial, aside);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"{start.CheckpointRoot}: holds checkpoints of an earlier sweep of that name, which cannot be moved aside: {error.Message}";
        }
    }

    /// <summary>What the core need not remember: the coordinator asks again.</summary>
    private void Tell(IVolleyMessage message) => _node?.Tell(new NodeActor.Outgoing(message));

    /// <summary>A hundred megabytes take a moment: not on the loop's time. The command comes again if this fails.</summary>
    private void Delete(RetireCheckpoint command)
    {
        if (_roots.DirectoryOf(command) is not { } directory)
        {
            _log.LogError("{Trial}: refused to delete '{Path}' under '{Root}': it is no checkpoint under this agent's roots", command.Trial, command.RelativePath, command.CheckpointRoot);
            return;
        }
        try
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            Tell(new CheckpointDeleted(command.Trial, command.Attempt, command.RelativePath) { Node = _facts.Node });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _log.LogWarning("{Trial}: the retired checkpoint {Directory} could not be deleted: {Reason}", command.Trial, directory, error.Message);
        }
    }

    void IRankEvents.OnStarted(RankKey key, int pid) => Post(new AgentInput.Started(key, pid));

    void IRankEvents.OnProgress(ProgressReport progress) => Post(new AgentInput.Progressed(progress));

    void IRankEvents.OnEpoch(RankKey key, EpochMetrics epoch) => Post(new AgentInput.EpochDone(key, epoch));

    void IRankEvents.OnCheckpoint(RankKey key, CheckpointReport checkpoint) => Post(new AgentInput.CheckpointDone(key, checkpoint));

    void IRankEvents.OnGroupReady(RankKey key, GroupAddress address) => Post(new AgentInput.GroupReady(key, address));

    void IRankEvents.OnPeerLost(RankKey key, ImmutableArray<int> lost, long step, string reason) => Post(new AgentInput.PeerLost(key, lost, step, reason));

    void IRankEvents.OnExited(RankKey key, RankExit exit) => Post(new AgentInput.Exited(key, exit));
}

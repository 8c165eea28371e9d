using System.Threading.Channels;
using Akka.Actor;
using Volley.GpuNode.Link;
using Volley.Shared.Failpoints;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.GpuNode.Agent;

/// <summary>The agent itself: one queue of inputs, one thread of decisions, effects carried out in order. Outlives every actor system.</summary>
internal sealed class AgentLoop(AgentFacts facts, RankSupervisor supervisor, AllowedRoots roots, TimeProvider time, ILogger<AgentLoop> log) : IRankEvents
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    private readonly Channel<AgentInput> _inputs = Channel.CreateUnbounded<AgentInput>(new UnboundedChannelOptions { SingleReader = true });
    private volatile IActorRef? _node;

    /// <summary>Another cluster answered: the owner of the actor system builds a new one.</summary>
    public event Action? RebuildWanted;

    /// <summary>The first time the coordinator accepted this agent.</summary>
    public event Action? Registered;

    public void Post(AgentInput input) => _inputs.Writer.TryWrite(input);

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
        var state = new AgentState(facts);
        using var ticks = new PeriodicTimer(TickPeriod, time);
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
            case AgentEffect.StopProcess stop: supervisor.Stop(stop.Rank, stop.Mode); break;
            case AgentEffect.DeleteCheckpoint { Command: var command }: _ = Task.Run(() => Delete(command)); break;
            case AgentEffect.RebuildActorSystem:
                log.LogWarning("Another cluster answers at the coordinator's address: joining it anew; ranks go on");
                RebuildWanted?.Invoke();
                break;
            case AgentEffect.Warn { Text: var text }: log.LogWarning("{Text}", text); break;
            default: throw new InvalidOperationException($"{effect} is no effect of an agent.");
        }
    }

    private void Launch(AgentEffect.Launch launch)
    {
        Failpoint.Hit(FailpointNames.AgentBeforeLaunch);
        var (start, problem) = roots.Resolve(launch.Start);
        if (start is not null)
        {
            supervisor.Start(start, launch.Slots, this);
            return;
        }
        var key = new RankKey(launch.Start.Trial, launch.Start.Attempt, launch.Start.Rank);
        Post(new AgentInput.Exited(key, new RankExit(RankEnd.Failed, null, problem!, IsUserError: true, [])));
    }

    /// <summary>A hundred megabytes take a moment: not on the loop's time. The command comes again if this fails.</summary>
    private void Delete(RetireCheckpoint command)
    {
        if (roots.DirectoryOf(command) is not { } directory)
        {
            log.LogError("{Trial}: refused to delete '{Path}' under '{Root}': it is no checkpoint under this agent's roots", command.Trial, command.RelativePath, command.CheckpointRoot);
            return;
        }
        try
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            _node?.Tell(new NodeActor.Outgoing(new CheckpointDeleted(command.Trial, command.Attempt, command.RelativePath)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("{Trial}: the retired checkpoint {Directory} could not be deleted: {Reason}", command.Trial, directory, error.Message);
        }
    }

    void IRankEvents.OnStarted(RankKey key, int pid) => Post(new AgentInput.Started(key, pid));

    void IRankEvents.OnProgress(ProgressReport progress) => Post(new AgentInput.Progressed(progress));

    void IRankEvents.OnEpoch(RankKey key, EpochMetrics epoch) => Post(new AgentInput.EpochDone(key, epoch));

    void IRankEvents.OnCheckpoint(RankKey key, CheckpointReport checkpoint) => Post(new AgentInput.CheckpointDone(key, checkpoint));

    void IRankEvents.OnExited(RankKey key, RankExit exit) => Post(new AgentInput.Exited(key, exit));
}

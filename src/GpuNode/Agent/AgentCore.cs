using System.Collections.Immutable;
using Volley.GpuNode.CheckpointCopies;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>
/// What an agent does about what happens. Pure: the same state and input give the same next state and effects, so the
/// protocol is tested, and simulated, without a process, a socket or a clock.
/// </summary>
/// <remarks>
/// Three rules hold it together. Fencing: a command of an older term, or a start of an attempt that is over, changes nothing (DESIGN §3).
/// Slots: a slot is free when the process that held it is confirmed dead, not when it was told to die.
/// Reports: epochs, checkpoints and exits are kept, in order per rank, until acknowledged; the exit travels when all before it arrived.
/// </remarks>
internal static partial class AgentCore
{
    /// <summary>Reports of one rank under way at once. The rest follow as these are acknowledged.</summary>
    public const int Window = 32;

    /// <summary>Trials remembered to refuse late starts. A command is late by seconds, so the thousands before the newest are safe to forget.</summary>
    public const int MaxFences = 4096;

    /// <summary>After the last rank ended, a leaving agent waits this long for acknowledgements: the coordinator learns the rest from the files.</summary>
    public const int FarewellTicks = 3;

    /// <summary>From SIGTERM on, however much is unsaid: with what leaving the cluster takes, an agent ends within 20 s.</summary>
    public const int LeaveTicks = 16;

    /// <summary>So often a person is told that nobody answers.</summary>
    public const int SilenceTicks = 10;

    private static readonly long RegisterTicks = (long)RegisterNode.Period.TotalSeconds;

    public static (AgentState State, ImmutableArray<AgentEffect> Effects) Decide(AgentState state, AgentInput input)
    {
        var turn = new Turn(state);
        turn.Take(input);
        return (turn.State, turn.Effects.ToImmutable());
    }

    private sealed partial class Turn(AgentState state)
    {
        public AgentState State { get; private set; } = state;

        public ImmutableArray<AgentEffect>.Builder Effects { get; } = ImmutableArray.CreateBuilder<AgentEffect>();

        public void Take(AgentInput input)
        {
            switch (input)
            {
                case AgentInput.Connected:
                    State = State with { IsConnected = true, IsRegistered = false };
                    Send(State.Registration());
                    ResendAll();
                    foreach (var rank in State.Ranks)
                        if (rank is { IsForgotten: false, Progress: { } progress }) Send(progress);
                    TellOfGroups(isNewConnection: true);
                    break;
                case AgentInput.Disconnected: State = State with { IsConnected = false }; break;
                case AgentInput.Heard { Message: var message }: Hear(message); break;
                case AgentInput.Started started: OnStarted(started); break;
                case AgentInput.Progressed { Progress: var progress }: OnProgress(progress); break;
                case AgentInput.EpochDone done: Report(done.Rank, new EpochReport(done.Rank.Trial, done.Rank.Attempt, done.Epoch)); break;
                case AgentInput.CheckpointDone done: Report(done.Rank, done.Checkpoint); break;
                case AgentInput.GroupReady ready: OnGroupReady(ready); break;
                case AgentInput.PeerLost lost: OnPeerLost(lost); break;
                case AgentInput.Exited exited: OnExited(exited.Rank, exited.Exit); break;
                case AgentInput.Tick: OnTick(); break;
                case AgentInput.Leave leave: OnLeave(leave.AtOnce ? StopMode.Kill : StopMode.Graceful); break;
                default: throw new InvalidOperationException($"{input} is no input of an agent.");
            }
            if (State.IsLeaving) EndWhenDone();
        }

        private void Hear(IVolleyMessage message)
        {
            if (message is NodeRegistered registered)
            {
                OnRegistered(registered);
                return;
            }
            if (message is ICoordinatorCommand { Term: var term })
            {
                if (term < State.Term)
                {
                    Refuse();
                    return;
                }
                State = State with { Term = term };
            }
            switch (message)
            {
                case StartRank start: OnStart(start); break;
                case StopRank stop: OnStop(stop); break;
                case FormGroup form: OnFormGroup(form); break;
                case AttemptIsStale stale: OnStale(stale.Trial, stale.Attempt); break;
                case CopyCheckpoint copy: Effects.Add(new AgentEffect.FetchCopy(copy)); break;
                case RetireCheckpoint retire: Effects.Add(new AgentEffect.DeleteCheckpoint(retire)); break;
                case EpochAccepted accepted:
                    Acknowledge(accepted.Trial, accepted.Attempt, report => report is EpochReport epoch && epoch.Metrics.Epoch == accepted.Epoch);
                    break;
                case CheckpointAccepted accepted:
                    Acknowledge(accepted.Trial, accepted.Attempt, report => report is CheckpointReport checkpoint && checkpoint.Step == accepted.Step);
                    break;
                case RankExitAccepted accepted:
                    if (Find(new RankKey(accepted.Trial, accepted.Attempt, accepted.Rank)) is { Phase: RankPhase.Exited } rank) Close(rank);
                    break;
                case NodeRefused refused:
                    Effects.Add(State.Ranks.IsEmpty ? new AgentEffect.Exit(refused.Reason) : new AgentEffect.Warn($"The coordinator refuses this agent: {refused.Reason}"));
                    break;
            }
        }

        private void OnRegistered(NodeRegistered registered)
        {
            State = State with { IsRegistered = true };
            if (State.ClusterId.Length > 0 && State.ClusterId != registered.ClusterId)
            {
                // Terms and attempts of another cluster are another count. It will say which of the ranks it wants.
                State = State with { ClusterId = registered.ClusterId, Term = registered.Term, Fences = ImmutableDictionary<TrialId, Fence>.Empty, FenceOrder = [] };
                Effects.Add(new AgentEffect.RebuildActorSystem());
                return;
            }
            if (registered.Term < State.Term) Refuse();
            else State = State with { ClusterId = registered.ClusterId, Term = registered.Term };
        }

        private void OnStart(StartRank start)
        {
            var key = new RankKey(start.Trial, start.Attempt, start.Rank);
            if (Find(key) is { } known)
            {
                // A repetition: answer as if it had just happened. One that waits or starts is answered when it does.
                if (known.IsForgotten) Refuse();
                else if (known.Phase == RankPhase.Running) Send(new RankStarted(start.Trial, start.Attempt, start.Rank, State.Facts.Node, known.Pid));
                else if (known.Phase == RankPhase.Exited) Resend(known);
                else if (known.Phase == RankPhase.Starting && ResumePreparation.IsNeeded(start)) Effects.Add(new AgentEffect.Readdress(start));
                return;
            }
            if (FenceOf(start.Trial).Refuses(start))
            {
                Refuse();
                return;
            }
            SetFence(start.Trial, FenceOf(start.Trial).RaisedTo(start.Attempt));
            foreach (var older in State.Ranks.Where(rank => rank.Start.Trial == start.Trial && rank.Start.Attempt < start.Attempt && !LivesOn(rank, start))) Forget(older);
            if (State.Ranks.Find(rank => rank.Start.Rank == start.Rank && LivesOn(rank, start)) is { } survivor)
            {
                Join(survivor, start);
                return;
            }

            var entry = new RankEntry(start, RankPhase.Waiting, [], 0, [], null, false);
            State = State with { Ranks = State.Ranks.Add(entry) };
            if (State.IsLeaving) ExitWithoutProcess(entry, RankEnd.Lost, $"The agent {State.Facts.Node} is leaving and starts no rank.");
            else if (start.Slots > State.Facts.Slots)
                ExitWithoutProcess(entry, RankEnd.Failed, $"The rank needs {start.Slots} slots; the agent {State.Facts.Node} lends {State.Facts.Slots}. Lower resources.threads_per_rank or raise --slots.");
            else LaunchWhatFits();
        }

        private void OnStop(StopRank stop)
        {
            // Where an attempt is over, so are those before it: a rank that has not heard of it yet must not wait for ever.
            var ranks = State.Ranks.Where(rank => rank.Start.Trial == stop.Trial && !rank.IsForgotten && (stop.Rank ?? rank.Start.Rank) == rank.Start.Rank
                && (rank.Start.Attempt == stop.Attempt || (stop.Mode == StopMode.Kill && rank.Start.Attempt < stop.Attempt))).ToArray();
            foreach (var rank in ranks)
            {
                if (rank.HasProcess) Effects.Add(new AgentEffect.StopProcess(rank.Key, stop.Mode));
                else if (rank.Phase == RankPhase.Waiting) ExitWithoutProcess(rank, RankEnd.Stopped, "");
                else Resend(rank);
            }
            if (ranks.Length == 0) Send(State.Registration());   // what is not in it does not run here
        }

        private void OnStale(TrialId trial, int attempt)
        {
            SetFence(trial, FenceOf(trial).RaisedTo(attempt + 1));
            foreach (var rank in State.Ranks.Where(rank => rank.Start.Trial == trial && rank.Start.Attempt <= attempt)) Forget(rank);
            LaunchWhatFits();
        }

        private void OnStarted(AgentInput.Started started)
        {
            if (Find(started.Rank) is not { } rank) return;
            Replace(rank with { Phase = RankPhase.Running, Pid = started.Pid });
            if (!rank.IsForgotten) Send(new RankStarted(rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank, State.Facts.Node, started.Pid));
        }

        private void OnProgress(ProgressReport progress)
        {
            if (Find(new RankKey(progress.Trial, progress.Attempt, progress.Rank)) is not { IsForgotten: false, HasProcess: true } rank) return;
            Replace(rank with { Progress = progress, IsForming = false });
            Send(progress);
        }

        private void OnExited(RankKey key, RankExit exit)
        {
            if (FindProcess(key) is not { HasProcess: true } rank) return;
            if (rank.IsForgotten) Close(rank);
            else Exit(rank, exit.End, exit);
            LaunchWhatFits();
        }

        private void OnTick()
        {
            State = State with { Ticks = State.Ticks + 1 };
            // Until it is answered, each second: what was lost on the way in a new cluster is soon sent again.
            if (!State.IsRegistered || State.Ticks % RegisterTicks == 0) Send(State.Registration());
            if (State is { ClusterId: "", IsLeaving: false, IsConnected: true } && State.Ticks % SilenceTicks == 0)
                Effects.Add(new AgentEffect.Warn($"No coordinator has answered for {State.Ticks} s. Is it running, and can it reach this machine's --bind address? Still trying."));
            ResendAll();
            TellOfGroups(isNewConnection: false);
        }

        private void OnLeave(StopMode mode)
        {
            if (State.IsLeaving && mode == StopMode.Graceful) return;
            State = State with { IsLeaving = true, LeavingSince = State.LeavingSince ?? State.Ticks };
            foreach (var rank in State.Ranks)
            {
                if (rank.HasProcess) Effects.Add(new AgentEffect.StopProcess(rank.Key, mode));
                else if (rank is { Phase: RankPhase.Waiting }) ExitWithoutProcess(rank, RankEnd.Lost, $"The agent {State.Facts.Node} is leaving.");
            }
            Send(State.Registration());
        }

        private void EndWhenDone()
        {
            if (State.Ranks.Any(rank => rank.HasProcess)) return;
            State = State with { EmptySince = State.EmptySince ?? State.Ticks };
            // A checkpoint is accepted when another agent has fetched it from here (store: node): that may take longer than a farewell.
            var isBeingCopied = State.Ranks.Any(rank => rank.Reports.Any(report => report is CheckpointReport)) && State.Ticks - State.LeavingSince < LeaveTicks;
            var mayWait = State.IsConnected && (isBeingCopied || State.Ticks - State.EmptySince < FarewellTicks);
            if (!State.Ranks.IsEmpty && mayWait) return;
            Send(new NodeLeaving(State.Facts.Node, State.Facts.Incarnation));
            Effects.Add(new AgentEffect.Exit(null));
        }

        /// <summary>Every waiting rank whose slots are free, in order; a large one does not hold up small ones behind it.</summary>
        private void LaunchWhatFits()
        {
            foreach (var rank in State.Ranks.Where(rank => rank.Phase == RankPhase.Waiting))
            {
                var taken = State.Ranks.SelectMany(other => other.Slots).ToHashSet();
                var free = Enumerable.Range(0, State.Facts.Slots).Where(slot => !taken.Contains(slot)).Take(rank.Start.Slots).ToImmutableArray();
                var hasOlderProcess = State.Ranks.Any(other => other.HasProcess && other.Start.Trial == rank.Start.Trial && other.Start.Attempt < rank.Start.Attempt && !LivesOn(other, rank.Start));
                if (free.Length < rank.Start.Slots || hasOlderProcess) continue;
                Replace(rank with { Phase = RankPhase.Starting, Slots = free });
                Effects.Add(new AgentEffect.Launch(rank.Start, free));
            }
        }

        private void ExitWithoutProcess(RankEntry rank, RankEnd end, string error) => Exit(rank, end, new RankExit(end, null, error, false, []));

        private void Exit(RankEntry rank, RankEnd end, RankExit exit)
        {
            Replace(rank with { Phase = RankPhase.Exited, Slots = [], Progress = null, Ready = null, IsForming = false, Group = null, Waiting = null });
            Report(rank.Key, new RankExited(
                rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank, State.Facts.Node, end, exit.Outcome, MessageLimits.Clip(exit.Error), exit.IsUserError, MessageLimits.ClipLines(exit.LastLogLines),
                exit.StartStep, exit.LastStep)
            {
                DataDigest = exit.DataDigest,
            });
        }

        /// <summary>The coordinator has moved on: kill it if it lives, say no more about it.</summary>
        private void Forget(RankEntry rank)
        {
            if (!rank.HasProcess)
            {
                State = State with { Ranks = State.Ranks.Remove(rank) };
                return;
            }
            if (!rank.IsForgotten) Effects.Add(new AgentEffect.StopProcess(rank.Key, StopMode.Kill));
            Replace(rank with { IsForgotten = true, Reports = [], Progress = null, Ready = null, IsForming = false, Group = null, Waiting = null });
        }

        private void Close(RankEntry rank)
        {
            SetFence(rank.Start.Trial, FenceOf(rank.Start.Trial).WithEnded(rank.Start.Attempt, rank.Start.Rank));
            State = State with { Ranks = State.Ranks.RemoveAll(other => other.Key == rank.Key) };
        }

        private void Report(RankKey key, ITrialProtocol report)
        {
            if (FindProcess(key) is not { IsForgotten: false } rank) return;
            rank = rank with { Reports = rank.Reports.Add(RankEntry.Of(report, rank.Start.Attempt)) };
            Replace(rank);
            if (IsUnderWay(rank, rank.Reports.Count - 1)) Send(rank.Reports[^1]);
        }

        private void Acknowledge(TrialId trial, int attempt, Predicate<ITrialProtocol> isMeant)
        {
            foreach (var rank in State.Ranks)
            {
                if (rank.Start.Trial != trial || rank.Start.Attempt != attempt) continue;
                var index = rank.Reports.FindIndex(isMeant);
                if (index < 0) continue;
                var rest = rank with { Reports = rank.Reports.RemoveAt(index) };
                Replace(rest);
                // The one that this lets in.
                var next = Math.Min(Window, rest.Reports.Count) - 1;
                if (next >= 0 && !IsUnderWay(rank, next + 1) && IsUnderWay(rest, next)) Send(rest.Reports[next]);
                return;
            }
        }

        /// <summary>The exit only when all before it was acknowledged: whoever gets it has the whole story.</summary>
        private static bool IsUnderWay(RankEntry rank, int index) =>
            index < Window && (index == 0 || rank.Reports[index] is not RankExited);

        private void Resend(RankEntry rank)
        {
            for (var i = 0; i < rank.Reports.Count && IsUnderWay(rank, i); i++) Send(rank.Reports[i]);
        }

        private void ResendAll()
        {
            foreach (var rank in State.Ranks) Resend(rank);
        }

        private void Refuse() => State = State with { StaleCommands = State.StaleCommands + 1 };

        private void Send(IVolleyMessage message)
        {
            if (State.IsConnected) Effects.Add(new AgentEffect.Send(message));
        }

        private RankEntry? Find(RankKey key) => State.Ranks.Find(rank => rank.Key == key);

        private void Replace(RankEntry rank) =>
            State = State with { Ranks = State.Ranks.SetItem(State.Ranks.FindIndex(other => other.Key == rank.Key), rank) };

        private Fence FenceOf(TrialId trial) => State.Fences.GetValueOrDefault(trial, Fence.Open);

        private void SetFence(TrialId trial, Fence fence)
        {
            var isNew = !State.Fences.ContainsKey(trial);
            State = State with { Fences = State.Fences.SetItem(trial, fence), FenceOrder = isNew ? State.FenceOrder.Enqueue(trial) : State.FenceOrder };
            if (State.Fences.Count <= MaxFences) return;
            State = State with { FenceOrder = State.FenceOrder.Dequeue(out var oldest), Fences = State.Fences.Remove(oldest) };
        }
    }
}

using System.Collections.Immutable;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Sweeps;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Simulation.Tests.Machines;

namespace Volley.Simulation.Tests;

internal sealed class InvariantBrokenException(string message) : Exception(message);

/// <summary>
/// What must hold after every event, whatever goes wrong. It keeps its own account of the journal, simpler than <c>SweepState</c>, and judges by
/// that and by what processes and files really do.
/// </summary>
internal sealed class Watch(Cluster cluster)
{
    private sealed class Trial(TrialSpec spec)
    {
        public TrialSpec Spec { get; private set; } = spec;
        public int Attempt { get; set; }
        public bool IsRunning { get; set; }
        public bool HasEnded { get; set; }
        public bool IsBroken { get; set; }
        public ImmutableArray<Member> Members { get; set; } = [];
        public HashSet<string> EverCommitted { get; } = [];
        public HashSet<string> Live { get; } = [];
        public HashSet<string> Retired { get; } = [];

        public void Extend(int epochs)
        {
            Spec = Spec with { Train = Spec.Train with { Epochs = epochs } };
            HasEnded = false;
        }
    }

    private readonly Dictionary<SweepId, List<Trial>> _sweeps = [];
    private readonly Dictionary<SweepId, long> _terms = [];
    private readonly Dictionary<TrialId, string> _rootOf = [];
    private readonly HashSet<(TrialId Trial, int Attempt)> _formed = [];
    private readonly HashSet<FromAgent> _said = [];       // once a second for as long as it holds: the first time is worth a line
    private long _term;

    /// <summary>Facts worth counting: a run in which they never happen proves little.</summary>
    public Dictionary<string, int> Counts { get; } = [];

    /// <summary>Every rank that began to train, and after how many steps.</summary>
    public List<(RankKey Rank, long Step)> Resumptions { get; } = [];

    public void Count(string what) => Counts[what] = Counts.GetValueOrDefault(what) + 1;

    public void Journaled(string persistenceId, object journaled)
    {
        if (cluster.Trace is { } trace) trace.Add($"    journal {persistenceId}: {(journaled is SweepEvent one ? Names.Of(one) : journaled.GetType().Name)}");
        if (journaled is ManagerTermStarted started)
        {
            Demand(started.Term == _term + 1, $"term {started.Term} began after term {_term}");
            _term = started.Term;
        }
        if (journaled is SweepEvent change) Journaled(new SweepId(persistenceId["sweep-".Length..]), change);
    }

    private void Journaled(SweepId sweep, SweepEvent change)
    {
        if (!_sweeps.TryGetValue(sweep, out var trials)) _sweeps[sweep] = trials = [];
        switch (change)
        {
            case TermStarted e:
                Demand(e.Term >= _terms.GetValueOrDefault(sweep), $"{sweep}: term {e.Term} after term {_terms.GetValueOrDefault(sweep)}");
                _terms[sweep] = e.Term;
                break;
            case TrialCreated e:
                Demand(e.Spec.Number == trials.Count, $"{sweep}: trial {e.Spec.Number} was created as number {trials.Count}");
                trials.Add(new Trial(e.Spec));
                break;
            case AttemptStarted e:
                var begun = trials[e.Trial];
                Demand(!begun.HasEnded, $"{sweep}: ended trial {e.Trial} was started again");
                Demand(!begun.IsRunning && e.Attempt == begun.Attempt + 1, $"{sweep}: attempt {e.Attempt} of trial {e.Trial} began; the one before was {begun.Attempt}, running {begun.IsRunning}");
                Demand(e.Members.Length >= begun.Spec.Resources.MinRanks, $"{sweep}: trial {e.Trial} was placed with {e.Members.Length} ranks; its min_ranks are {begun.Spec.Resources.MinRanks}");
                Demand(e.Members.DistinctBy(member => member.Rank).Count() == e.Members.Length && e.Members.All(member => member.Rank >= 0 && member.Rank < begun.Spec.Resources.Ranks), $"{sweep}: trial {e.Trial} was placed with ranks {string.Join(", ", e.Members.Select(member => member.Rank))} of {begun.Spec.Resources.Ranks}");
                if (e.Members.Length < begun.Spec.Resources.Ranks) Count("attempts with fewer ranks");
                (begun.Attempt, begun.IsRunning, begun.Members, begun.IsBroken) = (e.Attempt, true, e.Members, false);
                if (e.HasKept) Count("attempts with survivors");
                break;
            case GroupBroken e:
                Demand(trials[e.Trial].IsRunning && trials[e.Trial].Attempt == e.Attempt, $"{sweep}: the group of attempt {e.Attempt} of trial {e.Trial} broke and did not run");
                trials[e.Trial].IsBroken = true;
                break;
            case EpochReported e: Demand(trials[e.Trial].IsRunning && trials[e.Trial].Attempt == e.Attempt, $"{sweep}: an epoch of attempt {e.Attempt} of trial {e.Trial} was taken; the current one is {trials[e.Trial].Attempt}"); break;
            case CheckpointCommitted e: Committed(sweep, trials[e.Trial], e); break;
            case CheckpointRetired e:
                Demand(trials[e.Trial].Live.Remove(e.RelativePath), $"{sweep}: checkpoint {e.RelativePath} of trial {e.Trial} was retired and is not committed");
                trials[e.Trial].Retired.Add(e.RelativePath);
                break;
            case CheckpointRemoved e:
                Demand(trials[e.Trial].Retired.Contains(e.RelativePath), $"{sweep}: checkpoint {e.RelativePath} of trial {e.Trial} was removed and never retired");
                break;
            case AttemptEnded e:
                Demand(trials[e.Trial].IsRunning && trials[e.Trial].Attempt == e.Attempt, $"{sweep}: attempt {e.Attempt} of trial {e.Trial} ended and did not run");
                trials[e.Trial].IsRunning = false;
                Count($"attempts ended: {e.End}");
                break;
            case TrialFinished e:
                Demand(!trials[e.Trial].HasEnded, $"{sweep}: trial {e.Trial} finished twice");
                Demand(e.Outcome.WeightsSha256 == Training.Hash(Training.WeightsAt(trials[e.Trial].Spec, trials[e.Trial].Spec.Train.Epochs * Training.StepsPerEpoch)), $"{sweep}: trial {e.Trial} finished with other weights than an undisturbed run");
                trials[e.Trial].HasEnded = true;
                break;
            case TrialFailed e: trials[e.Trial].HasEnded = true; break;
            case TrialCancelled e: trials[e.Trial].HasEnded = true; break;
            case TrialReopened e: trials[e.Trial].HasEnded = false; break;
            case TrialExtended e: trials[e.Trial].Extend(e.Epochs); break;
            default: break;
        }
    }

    private void Committed(SweepId sweep, Trial trial, CheckpointCommitted e)
    {
        var checkpoint = e.Checkpoint;
        Demand(trial.IsRunning && trial.Attempt == checkpoint.Attempt, $"{sweep}: checkpoint {checkpoint.RelativePath} of trial {e.Trial} was committed by attempt {checkpoint.Attempt}; the current one is {trial.Attempt}");
        Demand(trial.EverCommitted.Add(checkpoint.RelativePath), $"{sweep}: checkpoint {checkpoint.RelativePath} of trial {e.Trial} was committed twice");
        Demand(checkpoint.ManifestSha256 == Training.Hash(Training.WeightsAt(trial.Spec, checkpoint.Step)), $"{sweep}: checkpoint {checkpoint.RelativePath} of trial {e.Trial} is of another lineage");
        trial.Live.Add(checkpoint.RelativePath);
        var root = RootOf(new TrialId(sweep, e.Trial));
        foreach (var machine in cluster.Machines.Where(machine => checkpoint.Holders is not { } holders || holders.Contains(machine.Id)))
            Demand(cluster.Files.Find(CheckpointFiles.PathOf(machine, root, checkpoint.RelativePath)) is not null, $"{sweep}: checkpoint {checkpoint.RelativePath} of trial {e.Trial} is in the journal and not on disk at {machine.Id}");
        if (checkpoint.Holders is { Length: < 2 }) Count("commits with one copy");
        if (checkpoint.Holders is { Length: >= 2 }) Count("commits with two copies");
    }

    public void Deleted(string path)
    {
        foreach (var (sweep, trials) in _sweeps)
            for (var number = 0; number < trials.Count; number++)
                foreach (var live in trials[number].Live)
                    Demand($"{RootOf(new TrialId(sweep, number))}/{live}" != CheckpointFiles.Name(path), $"{path} was deleted and is in the journal");
    }

    public void SweepTakes(SweepId sweep, SweepCommand command)
    {
        if (cluster.Trace is { } trace && command is not (Tick or FromAgent { Message: ProgressReport }) && (command is not FromAgent { Message: RankReady or RankWaiting } again || _said.Add(again))) trace.Add($"  {sweep} takes {Names.Of(command)}");
        if (IsStale(sweep, command)) Count("stale reports");
    }

    /// <summary>The journal is about to take these events for that command.</summary>
    public void Writing(SweepId sweep, SweepCommand command, IReadOnlyList<SweepEvent> changes)
    {
        if (!IsStale(sweep, command)) return;
        foreach (var change in changes)
            Demand(change is CheckpointRemoved or CheckpointHeld, $"{sweep}: {Names.Of(command)} is stale and led to {Names.Of(change)}");
    }

    private bool IsStale(SweepId sweep, SweepCommand command) =>
        command is FromAgent { Message: var message } && _sweeps.TryGetValue(sweep, out var trials)
        && !(message.Trial.Number < trials.Count && trials[message.Trial.Number] is { IsRunning: true } trial && trial.Attempt == message.Attempt);

    public void AgentDecided(SimulatedAgent agent, AgentState before, AgentInput input, ImmutableArray<AgentEffect> effects)
    {
        Demand(agent.State.Term >= before.Term, $"{agent.Machine.Id}: its term fell from {before.Term} to {agent.State.Term}");
        if (input is not AgentInput.Heard { Message: ICoordinatorCommand command } || command.Term >= before.Term) return;
        Count("commands of an old term");
        Demand(effects.IsEmpty, $"{agent.Machine.Id}: acted on {Names.Of(command)}, though it has seen term {before.Term}");
    }

    public void Launching(SimulatedAgent agent, StartRank start, IReadOnlyList<int> slots)
    {
        var who = $"{agent.Machine.Id}: {start.Trial} attempt {start.Attempt} rank {start.Rank}";
        foreach (var other in agent.Ranks)
        {
            Demand(!other.Slots.Intersect(slots).Any(), $"{who} was launched in slot {string.Join(',', slots)}, where {other.Key} lives");
            Demand(other.Key != new RankKey(start.Trial, start.Attempt, start.Rank), $"{who} was launched twice");
        }
        Demand(slots.All(slot => slot < agent.Machine.Slots), $"{who} was launched in a slot that there is not");
        var known = _sweeps.TryGetValue(start.Trial.Sweep, out var trials) && start.Trial.Number < trials.Count ? trials[start.Trial.Number] : null;
        Demand(known is not null && start.Attempt <= known.Attempt, $"{who} was launched, and the journal does not have this attempt");
        if (start.Attempt == known!.Attempt)
            Demand(known.Members.Any(member => member.Rank == start.Rank && member.Node == agent.Machine.Id), $"{who} was launched, and the journal has that rank elsewhere");
        Count("launches");
    }

    /// <summary>Ranks have found each other, and go on from that step.</summary>
    public void Formed(FormGroup form, IReadOnlyList<SimulatedRank> members, long step)
    {
        var who = $"{form.Trial} attempt {form.Attempt}";
        Demand(_formed.Add((form.Trial, form.Attempt)), $"{who}: a second group was formed");
        Demand(members.All(member => member.Key.Attempt == form.Attempt), $"{who}: its group has members {string.Join(", ", members.Select(member => member.Key))}");
        var trial = _sweeps[form.Trial.Sweep][form.Trial.Number];
        if (trial.Attempt == form.Attempt)
            Demand(trial.Members.Select(member => member.Rank).SequenceEqual(members.Select(member => member.Key.Rank)) || !trial.IsRunning || trial.IsBroken, $"{who}: its group is not what the journal has");
        foreach (var member in form.Members) Demand(step >= member.Step, $"{who}: goes on from step {step}, though rank {member.Rank} had completed {member.Step}");
        if (form.Members.Any(member => member.Step >= 0)) foreach (var member in members) Resumptions.Add((member.Key, step));
        Count("groups formed");
    }

    public void Resumed(RankKey key, StartRank start, CheckpointFile? file)
    {
        Resumptions.Add((key, file?.Step ?? 0));
        if (start.ResumeFrom.Length == 0) return;
        Count(file is null ? "resumes from the beginning" : "resumes from a checkpoint");
        if (file is null) return;
        var trial = _sweeps[key.Trial.Sweep][key.Trial.Number];
        Demand(file.Weights == Training.WeightsAt(trial.Spec, file.Step), $"{key} resumed from step {file.Step} with weights that no run has there");
    }

    private string RootOf(TrialId trial)
    {
        if (!_rootOf.TryGetValue(trial, out var root)) _rootOf[trial] = root = cluster.SubmissionOf(trial.Sweep).CheckpointRootOf(trial);
        return root;
    }

    private static void Demand(bool holds, string otherwise)
    {
        if (!holds) throw new InvariantBrokenException(otherwise);
    }
}

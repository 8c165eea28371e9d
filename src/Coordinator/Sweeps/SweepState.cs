using System.Collections.Immutable;
using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Sweeps;

internal enum SweepPhase { Running, Paused, Finished, Cancelled }

/// <summary>A sweep as its journal tells it. <see cref="Apply"/> is the only way it changes, so replaying gives the same state.</summary>
/// <param name="Planner">Understands the submission; pure.</param>
internal sealed partial record SweepState(SweepId Id, Func<SweepSubmission, SweepPlan> Planner)
{
    public SweepSubmission? Submission { get; init; }
    public SweepPlan? Plan { get; init; }
    public SweepPhase Phase { get; init; } = SweepPhase.Running;
    public long Term { get; init; }

    /// <summary>Trial n at index n. Those that have ended are packed: reading one costs what unpacking costs.</summary>
    public TrialBook Trials { get; init; } = TrialBook.Empty;

    public SearchState Search { get; init; } = SearchState.Initial;

    /// <summary>Numbers of the trials that are neither finished, failed nor cancelled.</summary>
    public ImmutableSortedSet<int> Open { get; init; } = [];

    /// <summary>Open, with an attempt under way.</summary>
    public ImmutableSortedSet<int> Running { get; init; } = [];

    /// <summary>Those of <see cref="Running"/> with a rank on this node; nodes without are not in it.</summary>
    public ImmutableDictionary<NodeId, ImmutableSortedSet<int>> RunningOn { get; init; } = ImmutableDictionary<NodeId, ImmutableSortedSet<int>>.Empty;

    /// <summary>Open, and not yet asked slots for.</summary>
    public ImmutableSortedSet<int> Unasked { get; init; } = [];

    /// <summary>Open, with a request that waits in the inventory.</summary>
    public ImmutableSortedSet<int> Asked { get; init; } = [];

    /// <summary>Open, with a request that slots are being freed for.</summary>
    public ImmutableSortedSet<int> Promised { get; init; } = [];

    /// <summary>Trials that count against <c>max_concurrent</c>: they run, or will when slots are found.</summary>
    public int Busy => Running.Count + Asked.Count + Promised.Count;

    /// <summary>Trials with retired checkpoints whose deletion is not confirmed.</summary>
    public ImmutableSortedSet<int> WithDeletions { get; init; } = [];

    /// <summary>Stages of training beyond a trial's own epochs, rising: how far <c>extend</c> has taken the sweep.</summary>
    public ImmutableList<int> Stages { get; init; } = [];

    /// <summary>As a person set it; null: as the file says.</summary>
    public int? PriorityOverride { get; init; }

    public int Priority => PriorityOverride ?? Plan?.Resources.Priority ?? 0;

    /// <summary>By the SHA-256 of a data set's configuration: what the first rank found.</summary>
    public ImmutableDictionary<string, DataSeen> Data { get; init; } = ImmutableDictionary<string, DataSeen>.Empty;

    /// <summary>Agents with other data.</summary>
    public ImmutableDictionary<NodeId, NodeAvoided> Avoided { get; init; } = ImmutableDictionary<NodeId, NodeAvoided>.Empty;

    public DateTimeOffset AcceptedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    private SweepState Planned(SweepPlan plan) => this with { Plan = plan, Trials = Trials with { Plan = plan } };

    /// <summary>Rises with every event; pages of changes are asked for by it.</summary>
    public long Version { get; init; }

    /// <summary>Reports of older attempts that were dropped.</summary>
    public long StaleReports { get; init; }

    public bool IsOver => Phase is SweepPhase.Finished or SweepPhase.Cancelled;

    public TrialId IdOf(int trial) => new(Id, trial);

    /// <summary>The trial if it has not ended: what reports and grants are about. Costs nothing for the thousands that have.</summary>
    public TrialState? FindOpen(TrialId trial) => trial.Sweep == Id && Open.Contains(trial.Number) ? Trials[trial.Number] : null;

    public TrialState? Find(TrialId trial) =>
        trial.Sweep == Id && trial.Number >= 0 && trial.Number < Trials.Count ? Trials[trial.Number] : null;

    public SweepState Apply(SweepEvent change) => Change(change) with { Version = Version + 1 };

    private SweepState Change(SweepEvent change) => change switch
    {
        SweepAccepted accepted => Planned(Planner(accepted.Submission)) with { Submission = accepted.Submission, AcceptedAt = accepted.At },
        SweepMoved moved => this with { Submission = moved.Submission },
        SweepExtended extended => (extended.Trials > 0 ? Planned(Plan!.WithTrials(extended.Trials)) : this) with
        {
            Stages = extended.Epochs > 0 ? Stages.Add(extended.Epochs) : Stages,
        },
        PriorityChanged changed => this with { PriorityOverride = changed.Priority },
        TermStarted started => this with { Term = started.Term },
        TrialCreated created => Created(created),
        SweepPaused => this with { Phase = SweepPhase.Paused },
        SweepResumed => this with { Phase = SweepPhase.Running, EndedAt = null },
        SweepCancelled cancelled => this with { Phase = SweepPhase.Cancelled, EndedAt = cancelled.At },
        SweepFinished finished => this with { Phase = SweepPhase.Finished, EndedAt = finished.At },
        DataSeen seen => this with { Data = Data.SetItem(seen.Dataset, seen) },
        NodeAvoided avoided => this with { Avoided = Avoided.SetItem(avoided.Node, avoided) },
        StaleReportDropped => this with { StaleReports = StaleReports + 1 },

        AttemptStarted e => With(e.Trial, trial => trial.Apply(e)),
        EpochReported e => With(e.Trial, trial => trial.Apply(e)),
        CheckpointCommitted e => With(e.Trial, trial => trial.Apply(e)),
        CheckpointRetired e => With(e.Trial, trial => trial.Apply(e)),
        CheckpointRemoved e => With(e.Trial, trial => trial.Apply(e)),
        CheckpointHeld e => With(e.Trial, trial => trial.Apply(e)),
        CheckpointProblemSeen e => With(e.Trial, trial => trial.Apply(e)),
        RankEnded e => With(e.Trial, trial => trial with { Ended = trial.Ended.SetItem(e.Rank, e) }),
        GroupBroken e => With(e.Trial, trial => trial.Apply(e)),
        AttemptEnded e => With(e.Trial, trial => trial.Apply(e)),
        TrialFinished e => With(e.Trial, trial => trial with { Phase = TrialPhase.Finished, Outcome = e.Outcome, EndedAt = e.At }, isEnd: true),
        TrialFailed e => With(e.Trial, trial => trial with { Phase = TrialPhase.Failed, Error = e.Error, HasUserError = e.IsUserError, EndedAt = e.At }, isEnd: true),
        TrialReopened e => With(e.Trial, trial => trial with { Phase = TrialPhase.Waiting, Failures = 0, LossesInARow = 0, HasUserError = false, Error = "", FailedOn = "", EndedAt = null }),
        TrialExtended e => With(e.Trial, trial => trial.Apply(e)),
        TrialCancelled e => With(e.Trial, trial => trial with { Phase = TrialPhase.Cancelled, EndedAt = e.At }, isEnd: true),

        SlotsAsked e => With(e.Trial, trial => trial with { Live = trial.Live with { HasAskedForSlots = e.IsWaiting, IsPromised = false, AskedAt = e.At, MayBeFewer = e.MayBeFewer } }),
        RankListens e => With(e.Trial, trial => trial.Apply(e)),
        RankWaits e => With(e.Trial, trial => trial.Apply(e)),
        GroupTold e => With(e.Trial, trial => trial with { Live = trial.Live with { IsGroupTold = true } }),
        SlotsPromised e => With(e.Trial, trial => trial with { Live = trial.Live with { IsPromised = true } }),
        StopAsked e => With(e.Trial, trial => trial with { Live = trial.Live with { StopCause = e.Cause } }),
        AttemptAdopted e => With(e.Trial, trial => trial with { Live = trial.Live with { IsAdopted = true } }),
        DataCompared e => With(e.Trial, trial => trial with { Live = trial.Live with { DataDigest = e.Digest } }),
        CopyNoted e => With(e.Trial, trial => trial with { Live = trial.Live with { Copies = trial.Live.Copies.SetItem(e.Copy.Report.RelativePath, e.Copy) } }),
        CommandSent e => With(e.Trial, trial => trial with { Live = trial.Live with { CommandSentAt = e.At } }),
        RankConfirmed e => With(e.Trial, trial => trial with { Live = trial.Live with { Pids = trial.Live.Pids.SetItem(e.Rank, e.Pid) } }),
        ProgressSeen e => With(e.Trial, trial => trial with
        {
            Live = trial.Live with { Progress = e.Report, FirstStepAt = trial.Live.FirstStepAt ?? e.At - TimeSpan.FromSeconds(e.Report.SecondsSinceFirstStep) },
        }),
        _ => throw new InvalidOperationException($"{change.GetType().Name} has no meaning in {nameof(SweepState)}."),
    };

    private SweepState Created(TrialCreated created)
    {
        if (created.Spec.Number != Trials.Count)
            throw new InvalidOperationException($"{Id}: trial {created.Spec.Number} was created as number {Trials.Count}.");
        var trial = new TrialState { Number = created.Spec.Number, Spec = created.Spec, CreatedAt = created.At, Version = Version + 1 };
        return this with { Trials = Trials.Add(trial), Open = Open.Add(trial.Number), Unasked = Unasked.Add(trial.Number), Search = Search with { Suggested = Trials.Count + 1 } };
    }

    private ImmutableDictionary<NodeId, ImmutableSortedSet<int>> Moved(TrialState before, TrialState now)
    {
        var all = RunningOn.ToBuilder();
        foreach (var member in before.Members)
            if (all.TryGetValue(member.Node, out var there))
            {
                if (there.Remove(now.Number) is { IsEmpty: false } rest) all[member.Node] = rest;
                else all.Remove(member.Node);
            }
        foreach (var member in now.Members) all[member.Node] = all.GetValueOrDefault(member.Node, []).Add(now.Number);
        return all.ToImmutable();
    }

    /// <param name="isEnd">The search hears of it, in the order of the journal.</param>
    private SweepState With(int number, Func<TrialState, TrialState> change, bool isEnd = false)
    {
        var before = Trials[number];
        var trial = change(before) with { Version = Version + 1 };
        return this with
        {
            Trials = Trials.Set(before, trial),
            Search = isEnd && Plan is { Search.UsesResults: true } plan ? Search.Observe(plan.Search, ObservationOf(trial, plan.Spec.Objective)) : Search,
            Open = Put(Open, trial.IsOpen),
            Running = Put(Running, trial.Phase == TrialPhase.Running),
            RunningOn = before.Members == trial.Members ? RunningOn : Moved(before, trial),
            Unasked = Put(Unasked, trial is { Phase: TrialPhase.Waiting, Live.HasAskedForSlots: false }),
            Asked = Put(Asked, trial is { Phase: TrialPhase.Waiting, Live: { HasAskedForSlots: true, IsPromised: false } }),
            Promised = Put(Promised, trial is { Phase: TrialPhase.Waiting, Live: { HasAskedForSlots: true, IsPromised: true } }),
            WithDeletions = Put(WithDeletions, !trial.Retired.IsEmpty),
        };

        static TrialObservation ObservationOf(TrialState trial, ObjectiveSpec objective) =>
            TrialObservation.Of(trial.Number, trial.Spec.Hyperparameters, objective, SweepOutcome.Of(trial).Find(objective.Metric));

        ImmutableSortedSet<int> Put(ImmutableSortedSet<int> set, bool isIn) => isIn ? set.Add(number) : set.Remove(number);
    }
}

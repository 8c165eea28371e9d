using System.Collections.Immutable;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Http;

/// <summary>What the API takes and gives, as JSON in snake_case (docs/http-api.md). The command line is a client like any other.</summary>
internal sealed record SubmitRequest
{
    public required string FileName { get; init; }

    /// <summary>The YAML. It names the sweep; where it does not, its file name does.</summary>
    public required string Text { get; init; }
    public ImmutableArray<string> Overrides { get; init; } = [];

    /// <summary>Run the same file again, as NAME-2, NAME-3 …</summary>
    public bool IsNew { get; init; }

    /// <summary>These three are absolute where coordinator and agent share a machine (<c>volley run</c>), and empty otherwise: agents have roots of their own.</summary>
    public string BaseDirectory { get; init; } = "";
    public string CheckpointRoot { get; init; } = "";
    public string DataRoot { get; init; } = "";
}

/// <param name="IsNew">False: it had been submitted before.</param>
internal sealed record SubmitAnswer(bool IsNew, SweepView Sweep);

/// <summary>Totals, not differences: asking twice extends once.</summary>
/// <param name="Epochs">Every trial is trained for so many in all; 0: as they are.</param>
/// <param name="Trials">The search makes so many in all; 0: as many as it would.</param>
internal sealed record ExtendRequest(int Epochs = 0, int Trials = 0);

/// <param name="Priority">−100 … 100.</param>
internal sealed record PriorityRequest(int Priority);

/// <summary>After a command.</summary>
/// <param name="Notes">What a person might not expect: that it held already, or what it leads to.</param>
internal sealed record SteerAnswer(IReadOnlyList<string> Notes, SweepView Sweep);

/// <summary>A sweep now.</summary>
internal sealed record SweepView
{
    public required string Id { get; init; }

    /// <summary>running | paused | finished | cancelled.</summary>
    public required string State { get; init; }

    /// <summary>−100 … 100: a waiting trial of a higher one takes the slots of trials of lower ones.</summary>
    public required int Priority { get; init; }

    /// <summary>One life of the coordinator. Another one counts versions anew: ask it from −1.</summary>
    public required long Term { get; init; }

    /// <summary>Ask with <c>changed_since</c> this next time.</summary>
    public required long Version { get; init; }
    public required string FileName { get; init; }
    public required DateTimeOffset SubmittedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Made so far.</summary>
    public required int Trials { get; init; }

    /// <summary>Trials the search will make in all, where it knows.</summary>
    public int? TrialsPlanned { get; init; }
    public required int Waiting { get; init; }
    public required int Running { get; init; }
    public required int Finished { get; init; }
    public required int Failed { get; init; }
    public required int Cancelled { get; init; }

    /// <summary>Retired checkpoints that are still to be deleted.</summary>
    public required int Deletions { get; init; }

    /// <summary>Reports of older attempts that were dropped.</summary>
    public required long StaleReports { get; init; }

    /// <summary>Why nothing can start although trials wait; absent when all is well.</summary>
    public string? Obstacle { get; init; }

    /// <summary>Every rank that runs or is being started, with the processes an operator may want.</summary>
    public required IReadOnlyList<ActiveRank> Active { get; init; }

    /// <summary>Only where <c>changed_since</c> was asked for: trials that changed since, oldest change first.</summary>
    public IReadOnlyList<TrialView>? Changed { get; init; }

    /// <summary>There are more changes than the page took: ask again with <see cref="Version"/>.</summary>
    public bool HasMore { get; init; }
}

/// <param name="AgentPid">Of the node's agent; absent where the node is unknown.</param>
/// <param name="Pid">Of the rank's process; absent until the agent has said that it lives.</param>
internal sealed record ActiveRank(int Trial, int Attempt, int Rank, string Node, int? AgentPid, int? Pid);

internal sealed record SweepPage(IReadOnlyList<SweepRow> Sweeps, string? Next);

/// <summary>A sweep in a list.</summary>
/// <param name="State">As in <see cref="SweepView"/>, or: unreadable (its journal cannot be replayed), recovering.</param>
internal sealed record SweepRow(string Id, string State, int Trials, int? TrialsPlanned, int Running, int Finished, int Failed, DateTimeOffset? SubmittedAt, string? Problem);

/// <param name="Results">With the trials of this page and no digest: that is over all of them.</param>
internal sealed record ResultsPage(SweepResults Results, int? Next);

/// <summary>The best finished trial by the first objective.</summary>
/// <param name="Checkpoint">The committed checkpoint whose objective is best, else the newest; absent where none is left.</param>
internal sealed record BestView(
    string Sweep, int Trial, string Metric, string Goal, double Value, string Model, ulong Seed, string Node, Assignment Hyperparameters,
    ImmutableSortedDictionary<string, double> Metrics, string? WeightsSha256, CheckpointView? Checkpoint);

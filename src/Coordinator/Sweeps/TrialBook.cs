using System.Collections;
using System.Collections.Immutable;

namespace Volley.Coordinator.Sweeps;

/// <summary>
/// Every trial of a sweep by number: those under way in full, ended ones packed. Reading an ended one unpacks it, so decisions look only at
/// those that are open. Immutable; each change costs O(log n).
/// </summary>
internal sealed record TrialBook : IReadOnlyList<TrialState>
{
    public static readonly TrialBook Empty = new();

    /// <summary>A <see cref="TrialState"/>, or a <see cref="PackedTrial"/>.</summary>
    private ImmutableList<object> Entries { get; init; } = [];

    /// <summary>Each trial once, by the version at which it last changed.</summary>
    private ImmutableSortedSet<(long Version, int Number)> ByVersion { get; init; } = [];

    /// <summary>What ended trials are unpacked with.</summary>
    public SweepPlan? Plan { get; init; }

    public int Finished { get; private init; }
    public int Failed { get; private init; }
    public int Cancelled { get; private init; }

    /// <summary>For tests: hears the number of each trial that is looked at.</summary>
    public Action<int>? Looked { get; init; }

    public int Count => Entries.Count;

    public TrialState this[int number]
    {
        get
        {
            Looked?.Invoke(number);
            return Entries[number] as TrialState ?? ((PackedTrial)Entries[number]).Unpack(Plan!);
        }
    }

    /// <summary>Without unpacking.</summary>
    public TrialPhase PhaseOf(int number) => Entries[number] is TrialState trial ? trial.Phase : ((PackedTrial)Entries[number]).Phase;

    /// <summary>The ended trial as it is kept, or null where it is still in full.</summary>
    public PackedTrial? FindPacked(int number) => Entries[number] as PackedTrial;

    /// <summary>Numbers of the trials that changed after this version, in the order in which they did: O(changes).</summary>
    public IEnumerable<int> ChangedSince(long version)
    {
        if (version == long.MaxValue) yield break;
        var index = ByVersion.IndexOf((version + 1, int.MinValue));
        for (var i = index < 0 ? ~index : index; i < ByVersion.Count; i++) yield return ByVersion[i].Number;
    }

    public TrialBook Add(TrialState trial)
    {
        if (trial.Number != Count) throw new InvalidOperationException($"Trial {trial.Number} was added as number {Count}.");
        return this with { Entries = Entries.Add(trial), ByVersion = ByVersion.Add((trial.Version, trial.Number)) };
    }

    /// <param name="before">What is there now: whoever changes a trial has read it.</param>
    public TrialBook Set(TrialState before, TrialState now)
    {
        // One with deletions to confirm is still worked on.
        object entry = now.IsOpen || !now.Retired.IsEmpty || Plan is null ? now : PackedTrial.Of(now, Plan);
        return this with
        {
            Entries = Entries.SetItem(now.Number, entry),
            ByVersion = ByVersion.Remove((before.Version, now.Number)).Add((now.Version, now.Number)),
            Finished = Finished + Change(TrialPhase.Finished),
            Failed = Failed + Change(TrialPhase.Failed),
            Cancelled = Cancelled + Change(TrialPhase.Cancelled),
        };

        int Change(TrialPhase phase) => (now.Phase == phase ? 1 : 0) - (before.Phase == phase ? 1 : 0);
    }

    public IEnumerator<TrialState> GetEnumerator()
    {
        for (var number = 0; number < Count; number++) yield return this[number];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

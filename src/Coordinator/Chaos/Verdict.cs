using System.Collections.Immutable;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Chaos;

/// <summary>What one of the two runs came to.</summary>
/// <param name="TimesFinished">By trial: how many times the journal says that it finished.</param>
/// <param name="MissingCheckpoints">In the journal, not damaged by a fault, and not whole on disk.</param>
internal sealed record RunOutcome(SweepResults Results, ImmutableSortedDictionary<int, int> TimesFinished, ImmutableArray<string> MissingCheckpoints, TimeSpan Duration);

/// <param name="Claim">In words, as if it held.</param>
/// <param name="Detail">What was found.</param>
internal sealed record Check(string Claim, bool Holds, string Detail);

/// <summary>Whether the faults changed anything that counts. Pure.</summary>
internal sealed record Verdict(ImmutableArray<Check> Checks)
{
    private const int MostDifferences = 20;

    public bool Holds => Checks.All(check => check.Holds);

    public static Verdict Of(RunOutcome undisturbed, RunOutcome disturbed, int planned, int struck) => new(
    [
        EveryTrialFinished("undisturbed", undisturbed),
        EveryTrialFinished("under faults", disturbed),
        NoneTwice(disturbed),
        SameDigest(undisturbed.Results, disturbed.Results),
        new("no committed checkpoint was lost", disturbed.MissingCheckpoints.IsEmpty,
            disturbed.MissingCheckpoints.IsEmpty ? "every checkpoint that the journal holds is whole on disk" : string.Join("; ", disturbed.MissingCheckpoints)),
        new("every planned fault struck", planned == struck, $"{struck} of {planned}"),
    ]);

    private static Check EveryTrialFinished(string run, RunOutcome outcome)
    {
        var others = outcome.Results.Trials.Where(trial => !trial.IsFinished || trial.WeightsSha256 is null).ToList();
        return new($"every trial finished ({run})", others.Count == 0 && outcome.Results.Trials.Count > 0,
            others.Count == 0
                ? $"{outcome.Results.Trials.Count} trials, each with the hash of its weights"
                : string.Join("; ", others.Select(trial => $"trial {trial.Number} {trial.State.ToString().ToLowerInvariant()}{(trial.WeightsSha256 is null ? ", without weights" : "")}: {trial.Error}")));
    }

    private static Check NoneTwice(RunOutcome outcome)
    {
        var wrong = outcome.Results.Trials.Where(trial => trial.IsFinished && outcome.TimesFinished.GetValueOrDefault(trial.Number) != 1).ToList();
        return new("none finished twice", wrong.Count == 0,
            wrong.Count == 0 ? "one ending for each trial in the journal" : string.Join("; ", wrong.Select(trial => $"trial {trial.Number}: {outcome.TimesFinished.GetValueOrDefault(trial.Number)} endings")));
    }

    private static Check SameDigest(SweepResults one, SweepResults other)
    {
        // Computed here once more: a digest that was only copied would prove nothing.
        var (first, second) = (ResultsDigest.Of(one), ResultsDigest.Of(other));
        if (first == second && one.ResultsDigest == first && other.ResultsDigest == second) return new("the two results_digests are equal", true, first);
        var differences = ResultsDiff.Of(one, other);
        var shown = differences.Take(MostDifferences).Select(difference => $"trial {difference.Trial} {difference.Key}: {difference.A} undisturbed, {difference.B} under faults");
        return new("the two results_digests are equal", false,
            $"{one.ResultsDigest} undisturbed, {other.ResultsDigest} under faults; {differences.Count} differences: {string.Join("; ", shown)}{(differences.Count > MostDifferences ? "; …" : "")}");
    }
}

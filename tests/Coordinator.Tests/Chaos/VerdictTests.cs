using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Volley.Coordinator.Chaos;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Recovery;
using Volley.Coordinator.Chaos.Report;
using Volley.Coordinator.Tests.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Chaos;

/// <summary>A verdict that could not fail would prove nothing.</summary>
public sealed class VerdictTests
{
    private static readonly RunOutcome Good = Outcome(SampleResults.Of());

    [Fact]
    public void TwoRunsThatDifferOnlyInTheirTimes_Hold() => Assert.True(Verdict.Of(Good, Outcome(SampleResults.Of(slowness: 7)), 5, 5).Holds);

    [Fact]
    public void AnotherBitInOneTrialsWeights_Fails_AndNamesTheTrial()
    {
        var verdict = Verdict.Of(Good, Outcome(SampleResults.Of(change: (trial, outcome) => trial == 3 ? outcome with { WeightsSha256 = new string('0', 64) } : outcome)), 5, 5);
        Assert.Contains("trial 3 weights_sha256", Failed(verdict).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void ADigestThatWasOnlyCopied_Fails()
    {
        var other = SampleResults.Of(change: (trial, outcome) => trial == 0 ? outcome with { BestEpoch = 1 } : outcome);
        Assert.Contains("digests", Failed(Verdict.Of(Good, Outcome(other with { ResultsDigest = Good.Results.ResultsDigest }), 5, 5)).Claim, StringComparison.Ordinal);
    }

    [Fact]
    public void AFailedTrial_Fails() =>
        Assert.Contains(Verdict.Of(Good, Outcome(SampleResults.Of(failed: 2)), 5, 5).Checks, check => !check.Holds && check.Claim.Contains("every trial finished (under faults)", StringComparison.Ordinal));

    [Fact]
    public void ATrialThatFinishedTwice_Fails()
    {
        var twice = Good with { TimesFinished = Good.TimesFinished.SetItem(6, 2) };
        Assert.Contains("trial 6: 2 endings", Failed(Verdict.Of(Good, twice, 5, 5)).Detail, StringComparison.Ordinal);
        Assert.False(Verdict.Of(Good, Good with { TimesFinished = Good.TimesFinished.Remove(6) }, 5, 5).Holds);
    }

    [Fact]
    public void ALostCheckpoint_Fails() =>
        Assert.Contains("9.a1", Failed(Verdict.Of(Good, Good with { MissingCheckpoints = ["trial 1: 9.a1"] }, 5, 5)).Detail, StringComparison.Ordinal);

    [Fact]
    public void FaultsThatDidNotStrike_Fail() => Assert.Contains("4 of 5", Failed(Verdict.Of(Good, Good, 5, 4)).Detail, StringComparison.Ordinal);

    [Fact]
    public void Reports_NameVerdictKindsAndFaults_AndThePageIsWellFormed()
    {
        var fault = new PlannedFault(1, FaultKind.RankKill, 0.2, TimeSpan.Zero, 3);
        var moment = new TrialMoment(4, 1, 30, false, "killed <by> \"nobody\" | at all", ["n1"], [new AttemptMoment(1, "n1", TimeSpan.Zero, 0, 30)]);
        var recovery = FaultRecovery.Begin(fault, new FaultTarget("n1", 4, 1, 0, 104), TimeSpan.FromSeconds(3), [moment])
            .Take(TimeSpan.FromSeconds(5), true, ImmutableDictionary<int, TrialMoment>.Empty.Add(4, moment with { Attempt = 2, Attempts = [.. moment.Attempts, new AttemptMoment(2, "n2", TimeSpan.FromSeconds(5), 27, 28)] }));
        var result = new ChaosResult(
            new ChaosOptions(3, 1, 9, [FaultKind.RankKill], false, "dir", "/out", "/data", false), "volley chaos --faults 1", "0.1.0", "a machine", DateTimeOffset.UnixEpoch, "loopback", ["disk-full: needs root."],
            Good, Good, [new StruckFault(recovery, "killed rank 0 (process 104)")], [new ProgressPoint(TimeSpan.Zero, 0, true), new ProgressPoint(TimeSpan.FromSeconds(4), 90, true)], Verdict.Of(Good, Good, 1, 1));

        var markdown = ChaosMarkdown.Of(result);
        Assert.Contains("The verdict holds", markdown, StringComparison.Ordinal);
        Assert.Contains("| rank-kill | SIGKILL to a rank | 1 | 2.0 | 2.0 | 2.0 | 3 | 1 |", markdown, StringComparison.Ordinal);
        Assert.Contains("\\| at all", markdown, StringComparison.Ordinal);
        var json = JsonNode.Parse(ChaosJson.Of(result))!;
        Assert.True((bool)json["verdict"]!["holds"]!);
        Assert.Equal((2.0, 3L), ((double)json["faults"]![0]!["training_went_on_after_seconds"]!, (long)json["faults"]![0]!["steps_repeated"]!));
        var page = ChaosPage.Of(result);
        XDocument.Parse(page.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        Assert.DoesNotContain("http://", page.Replace("http://www.w3.org/", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static Check Failed(Verdict verdict)
    {
        Assert.False(verdict.Holds);
        return Assert.Single(verdict.Checks, check => !check.Holds);
    }

    private static RunOutcome Outcome(SweepResults results) =>
        new(results, results.Trials.Where(trial => trial.IsFinished).ToImmutableSortedDictionary(trial => trial.Number, _ => 1), [], TimeSpan.FromSeconds(10));
}

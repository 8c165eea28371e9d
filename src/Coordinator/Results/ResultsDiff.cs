using System.Text.Json.Nodes;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Results;

/// <summary>Where two runs differ, in what their digests cover; empty exactly when the digests are equal.</summary>
internal static class ResultsDiff
{
    private const string Absent = "(absent)";

    /// <returns>By trial; what was asked first, what came out after.</returns>
    public static IReadOnlyList<ResultsDifference> Of(SweepResults a, SweepResults b)
    {
        var differences = new List<ResultsDifference>();
        var (left, right) = (ByNumber(a), ByNumber(b));
        foreach (var number in left.Keys.Union(right.Keys).Order())
        {
            var (one, other) = (left.GetValueOrDefault(number), right.GetValueOrDefault(number));
            if (one is null || other is null)
                differences.Add(new(number, "", one is null ? Absent : $"{one.Model}, {State(one)}", other is null ? Absent : $"{other.Model}, {State(other)}"));
            else
                Walk(number, "", ResultsDigest.View(one), ResultsDigest.View(other), differences);
        }
        return differences;
    }

    private static void Walk(int trial, string key, JsonNode? a, JsonNode? b, List<ResultsDifference> differences)
    {
        if (a is JsonObject left && b is JsonObject right)
        {
            foreach (var name in left.Select(field => field.Key).Union(right.Select(field => field.Key)))
                Walk(trial, key.Length == 0 ? name : $"{key}.{name}", left[name], right[name], differences);
            return;
        }
        if (a is JsonArray first && b is JsonArray second)
        {
            for (var i = 0; i < Math.Max(first.Count, second.Count); i++)
                Walk(trial, $"{key}[{i}]", i < first.Count ? first[i] : null, i < second.Count ? second[i] : null, differences);
            return;
        }
        var (textOfA, textOfB) = (Text(a), Text(b));
        if (textOfA != textOfB) differences.Add(new(trial, key, textOfA, textOfB));
    }

    private static string Text(JsonNode? node) => node is null ? Absent : CanonicalJson.Of(node);

    private static Dictionary<int, TrialResult> ByNumber(SweepResults results) =>
        results.Trials.GroupBy(trial => trial.Number).ToDictionary(group => group.Key, group => group.First());

    private static string State(TrialResult trial) => trial.State.ToString().ToLowerInvariant();
}

/// <param name="Key">Dotted; empty: the trial itself is missing in one of the two.</param>
internal sealed record ResultsDifference(int Trial, string Key, string A, string B);

using System.CommandLine;
using Volley.Coordinator.Results;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep best</c>.</summary>
internal static class BestVerb
{
    public static Command Create()
    {
        var sweep = ClientVerb.Sweep();
        return ClientVerb.Create("best", """
            The best finished trial by the first objective: its configuration, its metric, its checkpoint.

            Examples:
              volley sweep best my-sweep
              volley sweep best my-sweep --json | jq -r .checkpoint.path

            Exit code: 0; 1 no trial has finished yet.
            """, [sweep], async (parsed, session) =>
            {
                var best = await session.Client.BestAsync(parsed.GetRequiredValue(sweep), session.Stop);
                if (session.IsJson)
                {
                    session.Json(best);
                    return 0;
                }
                session.Line($"trial           {best.Sweep}/{best.Trial} ({best.Model}), on {best.Node}");
                session.Line($"configuration   {(best.Hyperparameters.Choices.IsEmpty ? "as in the file" : best.Hyperparameters)}");
                session.Line($"seed            {best.Seed}");
                session.Line($"{MetricText.Label(best.Metric),-15} {MetricText.Of(best.Metric, best.Value)} ({best.Goal})");
                foreach (var (metric, value) in best.Metrics.Where(metric => metric.Key.StartsWith("test_", StringComparison.Ordinal)))
                    session.Line($"{MetricText.Label(metric),-15} {MetricText.Of(metric, value)}");
                session.Line($"checkpoint      {(best.Checkpoint is { } checkpoint ? $"{checkpoint.Path} (step {checkpoint.Step}, epoch {checkpoint.Epoch})" : "none is kept")}");
                if (best.WeightsSha256 is { } hash) session.Line($"weights_sha256  {hash}");
                return 0;
            });
    }
}

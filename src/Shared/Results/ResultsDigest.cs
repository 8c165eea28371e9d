using System.Text.Json;
using System.Text.Json.Nodes;
using Volley.Shared.Config;

namespace Volley.Shared.Results;

/// <summary>One number for "the same results" (DESIGN §4): SHA-256 over the canonical JSON of what decides and what came out.</summary>
/// <remarks>
/// In: each trial's number, state, seeds, everything under train, ranks and threads per rank, the objective, the digest and split of the
/// data, the metrics and learning curve without times, and the hash of the weights.
/// Out, because a run may differ in it and still be the same: durations, speeds and latencies; attempts, nodes, fingerprints and error
/// texts; where the data lies (its digest is in), device, how many trials run at once, when checkpoints are written; and by what search
/// the values were found.
/// </remarks>
public static class ResultsDigest
{
    private static readonly string[] DecidingResources = ["ranks", "threads_per_rank"];
    private static readonly string[] Locations = ["path", "csv"];

    public static string Of(SweepResults results) => CanonicalJson.Sha256(new JsonArray([.. results.Trials.OrderBy(trial => trial.Number).Select(View)]));

    /// <summary>The part of a trial's result that the digest covers; two runs differ exactly where these trees do.</summary>
    public static JsonObject View(TrialResult trial) => new()
    {
        ["number"] = trial.Number,
        ["state"] = Json(trial.State),
        ["config"] = ConfigOf(trial.Config),
        ["data"] = trial.Data is { } data
            ? new JsonObject
            {
                ["digest"] = data.Digest,
                ["split"] = data.Split,
                ["train_images"] = data.TrainImages,
                ["validation_images"] = data.ValidationImages,
                ["test_images"] = data.TestImages,
            }
            : null,
        ["metrics"] = Json(trial.Metrics),
        ["firing_rate_by_layer"] = trial.FiringRateByLayer is { } rates ? Json(rates) : null,
        ["epochs"] = new JsonArray([.. trial.Epochs.Select(EpochOf)]),
        ["weights_sha256"] = trial.WeightsSha256,
    };

    private static JsonObject ConfigOf(TrialSpec spec)
    {
        var config = (JsonObject)Json(spec)!;
        config.Remove("number");
        config.Remove("hyperparameters");
        config.Remove("checkpoint");
        var resources = (JsonObject)config["resources"]!;
        foreach (var key in resources.Select(field => field.Key).Except(DecidingResources).ToList()) resources.Remove(key);
        var dataset = (JsonObject)config["train"]!["dataset"]!;
        foreach (var key in Locations) dataset.Remove(key);
        return config;
    }

    private static JsonObject EpochOf(EpochMetrics epoch)
    {
        var fields = (JsonObject)Json(epoch)!;
        fields.Remove("images_per_second");
        return fields;
    }

    private static JsonNode? Json<T>(T value) => JsonSerializer.SerializeToNode(value, ConfigJson.Options);
}

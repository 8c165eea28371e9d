using System.Globalization;

namespace Volley.Coordinator.Chaos;

/// <summary>The sweep that chaos is done to: the four models, tiny, on the images that ship with Volley.</summary>
internal static class ChaosSweep
{
    public const string Name = "chaos";

    /// <summary>Models times learning rates is the number of trials.</summary>
    private const int Models = 4;

    private const int BatchSize = 32;

    // Of these a tenth is for validation: 18 steps an epoch.
    private const int Images = 640;
    private const int StepsPerEpoch = 18;

    /// <summary>Steps that the sweep makes, in all its trials, per fault: a few seconds of training between two of them.</summary>
    private const int StepsPerFault = 80;

    // A trial lives long enough to be hit more than once, and not for the whole run.
    private const int FewestEpochs = 7;
    private const int MostEpochs = 24;

    /// <param name="nodes">As many trials run at once; each node has a slot more, so that the trials of a dead one go on elsewhere at once.</param>
    public static string Yaml(int nodes, int faults, ulong seed, string store)
    {
        var stepsOfEachModel = (double)faults * StepsPerFault / Models;
        var epochs = Math.Clamp((int)Math.Ceiling(stepsOfEachModel / StepsPerEpoch), FewestEpochs, MostEpochs);
        var rates = Math.Max(1, (int)Math.Round(stepsOfEachModel / (epochs * StepsPerEpoch)));
        return $$"""
            # Made by `volley chaos` for {{faults}} faults on {{nodes}} nodes.
            name: {{Name}}
            seed: {{seed}}
            objective: { metric: val_accuracy, goal: maximize }
            search: { algorithm: grid }
            resources: { ranks: 1, threads_per_rank: 1, device: cpu, max_concurrent: {{nodes}} }
            checkpoint: { every_epochs: 1, every_steps: 9, keep_last: 3, keep_best: 1, store: {{store}} }
            train:
              dataset: { name: fashion-mnist, val_fraction: 0.1, limit_train: {{Images}}, limit_test: 200 }
              epochs: {{epochs}}
              global_batch_size: {{BatchSize}}
              optimizer: { name: adamw, weight_decay: 0.02, lr: { values: [{{string.Join(", ", Rates(rates))}}] } }
              schedule: { name: cosine, warmup_epochs: 1, min_lr: 1.0e-5, per: step }
              label_smoothing: 0.1
              augment: { crop: 2, flip: true }
              model:
                choose:
                  - { name: resnet18, width: 4 }
                  - { name: vit, embed_dim: 32, depth: 2, heads: 4, patch: 4, mlp_ratio: 2 }
                  - { name: sdt, embed_dim: 32, depth: 1, heads: 4, time_steps: 2, mlp_ratio: 2 }
                  - { name: spikformer, embed_dim: 32, depth: 1, heads: 4, time_steps: 2, mlp_ratio: 2 }
            """ + "\n";
    }

    /// <summary>Different ones, spread over half a decade around 2e-3.</summary>
    private static IEnumerable<string> Rates(int count) =>
        Enumerable.Range(0, count).Select(i => (1e-3 * Math.Pow(10, 0.5 * i / Math.Max(1, count - 1))).ToString("0.000000", CultureInfo.InvariantCulture));
}

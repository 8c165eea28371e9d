using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Checking;

/// <summary>The optimizer steps recorded in model files: settings from the metadata, rules from the golden files' README.</summary>
internal static class OptimizerSettings
{
    // As stored; a key that is not here is an error: it could change the step. The two rules in words are the files' documentation.
    private sealed record Stored
    {
        public required double Lr { get; init; }
        public double WeightDecay { get; init; }
        public double[] Betas { get; init; } = [0.9, 0.999];
        public double Eps { get; init; } = 1e-8;
        public double Momentum { get; init; }
        public bool Nesterov { get; init; }
        public string? NoWeightDecay { get; init; }
        public string? WeightDecayOn { get; init; }
    }

    /// <param name="name"><c>adamw</c> (decay on matrices only) or <c>sgd</c> (decay on everything).</param>
    public static OptimizerSpec Read(GoldenFile file, string name)
    {
        var stored = file.MetadataJson<Stored>(name);
        if (stored.Betas.Length != 2) throw new UserErrorException($"{file.Path}: metadata '{name}' has {stored.Betas.Length} betas, must have 2.");
        return new OptimizerSpec
        {
            Name = name,
            Lr = stored.Lr,
            WeightDecay = stored.WeightDecay,
            DecayOn = name == "adamw" ? "matrices" : "all",
            Momentum = stored.Momentum,
            Nesterov = stored.Nesterov,
            Beta1 = stored.Betas[0],
            Beta2 = stored.Betas[1],
            Eps = stored.Eps,
        };
    }
}

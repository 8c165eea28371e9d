using Volley.Shared.Config;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>Which parameters decay. <c>matrices</c>: not those of at most one dimension, not biases, not those a model names (timm's rule).</summary>
public static class WeightDecayRule
{
    public static bool Decays(OptimizerSpec spec, FlatSlot slot, IReadOnlySet<string> neverDecayed) => spec.DecayOn switch
    {
        "all" => true,
        "matrices" => slot.Shape.Length > 1 && !slot.Name.EndsWith(".bias", StringComparison.Ordinal) && !neverDecayed.Contains(slot.Name),
        _ => throw new ConfigException("train.optimizer.decay_on", $"is '{spec.DecayOn}', must be matrices or all."),
    };
}

using Volley.Shared.Config;

namespace Volley.Models.Spiking;

/// <summary>How a layer of neurons charges, fires and resets. Defaults are the references' (golden/README, "Neuron").</summary>
public sealed record NeuronSettings
{
    // Backward keeps two vectors per time step on the stack: 128 bytes a step. The papers use 4 to 16.
    public const int MaxTimeSteps = 1024;

    /// <summary>Time constant τ in time steps, &gt; 1 for PLIF (its starting value), ≥ 1 for LIF; IF has none.</summary>
    public double Tau { get; init; } = 2.0;

    /// <summary>v_th; a membrane exactly at it fires.</summary>
    public double Threshold { get; init; } = 1.0;

    /// <summary>Level after a spike, resting level and starting level. Null: soft reset (the threshold is subtracted), rest at 0.</summary>
    public double? VReset { get; init; } = 0.0;

    /// <summary>The spike in the reset is a constant in backward.</summary>
    public bool DetachReset { get; init; } = true;

    /// <summary>The input is divided by τ as the leak is. Without it: h = v − (v − v_rest)/τ + x.</summary>
    public bool DecayInput { get; init; } = true;

    public SurrogateGradient Surrogate { get; init; } = new(SurrogateShape.Sigmoid, 4.0);

    public double Rest => VReset ?? 0.0;

    /// <summary>Every value out of range, in one pass.</summary>
    public static IReadOnlyList<ConfigProblem> Problems(SpikingSpec spec)
    {
        var problems = new List<ConfigProblem>();
        Require("model.neuron", spec.Neuron, spec.Neuron is "lif" or "if" or "plif", "lif, if or plif");
        Require("model.time_steps", spec.TimeSteps, spec.TimeSteps is >= 1 and <= MaxTimeSteps, $"in [1, {MaxTimeSteps}]");
        Require("model.tau", spec.Tau, spec.Neuron == "if" || (double.IsFinite(spec.Tau) && (spec.Neuron == "plif" ? spec.Tau > 1 : spec.Tau >= 1)),
            spec.Neuron == "plif" ? "greater than 1 (1/τ is a sigmoid)" : "at least 1");
        Require("model.v_threshold", spec.VThreshold, double.IsFinite(spec.VThreshold) && spec.VThreshold > 0, "positive");
        Require("model.reset", spec.Reset, spec.Reset is "hard" or "soft", "hard or soft");
        Require("model.v_reset", spec.VReset, spec.Reset == "soft" || spec.VReset < spec.VThreshold / 2,
            "below half of v_threshold, which is the attention neuron's threshold: from there on a neuron would fire for ever");
        Require("model.surrogate", spec.Surrogate, spec.Surrogate is "sigmoid" or "atan", "sigmoid or atan");
        Require("model.surrogate_alpha", spec.SurrogateAlpha, double.IsFinite(spec.SurrogateAlpha) && spec.SurrogateAlpha > 0, "positive");
        Require("model.encoder", spec.Encoder, spec.Encoder is "direct" or "poisson" or "latency", "direct, poisson or latency");
        return problems;

        void Require(string key, object value, bool isMet, string required)
        {
            if (!isMet) problems.Add(new ConfigProblem("", key, $"is {value}, must be {required}"));
        }
    }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public static NeuronSettings From(SpikingSpec spec)
    {
        if (Problems(spec) is { Count: > 0 } problems) throw new ConfigException(problems);
        return new NeuronSettings
        {
            Tau = spec.Tau,
            Threshold = spec.VThreshold,
            VReset = spec.Reset == "hard" ? spec.VReset : null,
            DetachReset = spec.DetachReset,
            DecayInput = spec.DecayInput,
            Surrogate = new(spec.Surrogate == "sigmoid" ? SurrogateShape.Sigmoid : SurrogateShape.Atan, spec.SurrogateAlpha),
        };
    }
}

using System.Globalization;
using System.Text.Json.Serialization;
using Volley.GpuNode.Training;
using Volley.GpuNode.Training.Optimizers;
using Volley.Shared;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>Optimizers on given gradients (<c>init/</c>, <c>grad/&lt;step&gt;/</c>, <c>&lt;name&gt;/after_&lt;k&gt;/</c>) and learning-rate curves (<c>lr_per_epoch/</c>).</summary>
internal static class OptimizerCheck
{
    private sealed record Stored
    {
        public required Arguments Kwargs { get; init; }
        public string? TorchClass { get; init; }
        public string[]? Decayed { get; init; }
        public string[]? NotDecayed { get; init; }
    }

    private sealed record Arguments
    {
        public required string Opt { get; init; }
        public required double Lr { get; init; }
        public double WeightDecay { get; init; }
        public double Momentum { get; init; } = 0.9;
    }

    private sealed record Curve
    {
        public double Lr { get; init; }
        public string? Sched { get; init; }
        public int Epochs { get; init; }
        public double MinLr { get; init; }
        public double WarmupLr { get; init; }
        public double WarmupEpochs { get; init; }
        public int CooldownEpochs { get; init; }
        public int TotalEpochs { get; init; }

        [JsonPropertyName("T_max")]
        public int TMax { get; init; }
        public string? Class { get; init; }
    }

    public static void Run(GoldenFile file, CheckReport report, ScalarType type)
    {
        var optimizers = file.Below("").Where(name => name.Contains("/after_", StringComparison.Ordinal)).Select(name => name[..name.IndexOf('/')]).Distinct();
        foreach (var name in optimizers) CheckOptimizer(file, report, type, name);
        foreach (var name in file.Below("lr_per_epoch/")) CheckCurve(file, report, name);
    }

    private static void CheckOptimizer(GoldenFile file, CheckReport report, ScalarType type, string name)
    {
        using var scope = NewDisposeScope();
        var (spec, stored) = Describe(file, name);
        using var bag = new ParameterBag(file.Below("init/").Select(p => (p, file.Read("init/" + p, type))).ToArray());
        using var parameters = FlatParameters.Attach(bag, new HashSet<string>());
        using var optimizer = FlatOptimizer.Create(spec, parameters, new HashSet<string>());
        if (stored?.Decayed is { } decayed)
            Comparison.CompareNames(report.Group("decayed parameters"), name,
                parameters.Layout.Slots.Where(slot => WeightDecayRule.Decays(spec, slot, new HashSet<string>())).Select(slot => slot.Name), decayed);

        var after = file.Below(name + "/after_").ToLookup(rest => int.Parse(rest[..rest.IndexOf('/')], CultureInfo.InvariantCulture), rest => rest[(rest.IndexOf('/') + 1)..]);
        for (var step = 1; step <= after.Max(group => group.Key); step++)
        {
            using var one = NewDisposeScope();
            foreach (var parameter in bag.named_parameters())
            {
                using var _ = no_grad();
                parameter.parameter.grad!.copy_(file.Read($"grad/{step - 1}/{parameter.name}", type));
            }
            optimizer.Step(spec.Lr);
            var state = bag.state_dict();
            foreach (var parameter in after[step])
            {
                var expected = file.Read($"{name}/after_{step}/{parameter}");
                if (state.TryGetValue(parameter, out var actual))
                    Comparison.Compare(report.Group(name), $"after_{step}/{parameter}", actual, expected, Tolerances.For(type).ForValue);
                else
                    report.Group(name).AddFailure($"after_{step}/{parameter}: init/ has no such parameter");
            }
        }
    }

    /// <remarks>The two <c>torch_…</c> entries carry no metadata; their settings are in the files' README.</remarks>
    private static (OptimizerSpec Spec, Stored? Stored) Describe(GoldenFile file, string name)
    {
        if (file.Metadata(name) is null)
        {
            return name switch
            {
                "torch_sgd_momentum_wd_all" => (new OptimizerSpec { Name = "sgd", Lr = 0.1, Momentum = 0.9, WeightDecay = 5e-4, DecayOn = "all" }, null),
                "torch_adamw_wd_all" => (new OptimizerSpec { Name = "adamw", Lr = 1e-3, WeightDecay = 0.05, DecayOn = "all" }, null),
                _ => throw new UserErrorException($"{file.Path}: has steps of an optimizer '{name}', but its metadata does not say which one that is."),
            };
        }
        var stored = file.MetadataJson<Stored>(name);
        var spec = new OptimizerSpec
        {
            Lr = stored.Kwargs.Lr, WeightDecay = stored.Kwargs.WeightDecay, Momentum = stored.Kwargs.Momentum,
            DecayOn = stored.NotDecayed is { Length: > 0 } || stored.Decayed is null ? "matrices" : "all",
        };
        return (stored.Kwargs.Opt switch
        {
            "adamw" => spec with { Name = "adamw" },
            "adam" => spec with { Name = "adam" },
            "sgd" or "nesterov" => spec with { Name = "sgd", Nesterov = true },   // timm's "sgd" is Nesterov's
            "momentum" => spec with { Name = "sgd" },
            var other => throw new UserErrorException($"{file.Path}: optimizer '{name}' is a '{other}', must be adamw, adam, sgd, nesterov or momentum."),
        }, stored);
    }

    private static void CheckCurve(GoldenFile file, CheckReport report, string name)
    {
        using var scope = NewDisposeScope();
        var curve = file.MetadataJson<Curve>("lr_" + name);
        if (curve.Sched is not (null or "cosine")) throw new UserErrorException($"{file.Path}: schedule '{name}' is '{curve.Sched}', must be cosine.");
        var expected = file.Read("lr_per_epoch/" + name);
        var epochs = (int)expected.shape[0];
        var spec = new ScheduleSpec
        {
            Name = "cosine", WarmupEpochs = curve.WarmupEpochs, WarmupLr = curve.WarmupLr, MinLr = curve.MinLr, CooldownEpochs = curve.CooldownEpochs,
        };
        var actual = tensor(Enumerable.Range(0, epochs).Select(epoch => LearningRateSchedules.At(spec, curve.Lr, epochs, epoch, 0, 1)).ToArray());
        // A rate is small against 1: what counts is the error relative to the curve.
        Comparison.Compare(report.Group("learning rates"), name, actual, expected, largest => Tolerances.F64.Value * largest);
    }
}

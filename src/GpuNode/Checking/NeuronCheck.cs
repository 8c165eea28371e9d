using System.Globalization;
using System.Text.RegularExpressions;
using TorchSharp;
using Volley.Models.Spiking;
using Volley.Shared;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

// T time steps, N neurons, one column each.

/// <summary>Single neuron layers (<c>&lt;case&gt;/…</c>) and surrogate functions (<c>surrogate/…</c>): the layer as models call it, and its trace.</summary>
internal static partial class NeuronCheck
{
    // Single precision resolves 6e-8 near 1; a membrane closer to its threshold than this may round to either side.
    private const double F32Margin = 1e-6;

    private sealed record Case
    {
        public required string Class { get; init; }
        public double VThreshold { get; init; } = 1;
        public double? VReset { get; init; }
        public bool DecayInput { get; init; } = true;
        public bool DetachReset { get; init; } = true;
        public double? Tau { get; init; }
        public double? InitTau { get; init; }
    }

    public static void Run(GoldenFile file, CheckReport report, ScalarType type)
    {
        if (file.Metadata("cases") is not null)
        {
            var surrogate = CasesSurrogate(file);
            foreach (var (name, settings) in file.MetadataJson<Dictionary<string, Case>>("cases")) CheckCase(file, report, type, name, settings, surrogate);
        }
        foreach (var name in file.Below("surrogate/").Select(rest => rest[..rest.IndexOf('/')]).Distinct()) CheckSurrogate(file, report, type, name);
    }

    private static void CheckCase(GoldenFile file, CheckReport report, ScalarType type, string name, Case settings, SurrogateGradient surrogate)
    {
        using var scope = NewDisposeScope();
        using var neuron = Build(file, settings, surrogate);
        neuron.to(type);
        var weight = neuron.named_parameters().Select(p => p.parameter).SingleOrDefault();   // PLIF's w
        if (weight is not null)
        {
            using var _ = no_grad();
            weight.copy_(file.Read(name + "/w"));
        }
        var tolerances = Tolerances.For(type);
        var kept = KeptColumns(file, report, type, name, settings.VThreshold);

        // As models call it: the fused kernel where it applies.
        var x = file.Read(name + "/x", type).requires_grad_();
        var spikes = neuron.call(x);
        (spikes * file.Read(name + "/upstream_spike", type)).sum().backward();
        CompareSpikes("spike", spikes);
        CompareGradient("x_grad", x.grad!);
        if (weight is not null) CompareGradient("w_grad", weight.grad!);
        neuron.zero_grad();

        // Its plain trace, and the membrane's gradient.
        var again = file.Read(name + "/x", type).requires_grad_();
        var trace = neuron.Trace(again);
        var objective = (trace.Spikes_TX * file.Read(name + "/upstream_spike", type)).sum() + (trace.V_TX * file.Read(name + "/upstream_v", type)).sum();
        objective.backward();
        CompareSpikes("spike", trace.Spikes_TX);
        CompareMembrane("h_seq", trace.H_TX);
        CompareMembrane("v_seq", trace.V_TX);
        CompareGradient("x_grad_v", again.grad!);
        if (weight is not null) CompareGradient("w_grad_v", weight.grad!);

        var second = neuron.Trace(again.detach(), trace.V_TX[-1].detach());
        CompareSpikes("spike_second_call_no_reset", second.Spikes_TX);
        CompareMembrane("v_seq_second_call_no_reset", second.V_TX);

        void CompareSpikes(string what, Tensor actual) => Compare("neuron spikes", what, actual, _ => 0);

        void CompareMembrane(string what, Tensor actual) => Compare("neuron membranes", what, actual, tolerances.ForValue);

        void CompareGradient(string what, Tensor actual) => Compare("neuron gradients", what, actual, largest => tolerances.ForGradient(largest, Math.Max(1, largest)));

        void Compare(string group, string what, Tensor actual, Func<double, double> allowed)
        {
            var key = $"{name}/{what}";
            if (!file.Contains(key)) return;
            var expected = file.Read(key);
            if (kept is not null && expected.dim() == 2 && actual.dim() == 2) (actual, expected) = (actual.index_select(1, kept), expected.index_select(1, kept));
            Comparison.Compare(report.Group(group), key, actual, expected, allowed);
        }
    }

    /// <summary>In F32: the columns whose decisions F32 can make. null: all.</summary>
    private static Tensor? KeptColumns(GoldenFile file, CheckReport report, ScalarType type, string name, double threshold)
    {
        if (type == ScalarType.Float64 || !file.Contains(name + "/h_seq")) return null;
        var x = file.Read(name + "/x");
        var margin = (file.Read(name + "/h_seq") - threshold).abs();
        var isInputRounded = x.to_type(type).to_type(x.dtype).ne(x).any(0, false);
        var isUndecided = margin.lt(F32Margin).logical_and(margin.gt(0).logical_or(isInputRounded)).any(0, false);
        var undecided = isUndecided.sum().item<long>();
        if (undecided == 0) return null;
        report.AddNote($"{name}: {undecided} of {x.shape[1]} neurons come closer to the threshold than F32 resolves and are left out");
        return isUndecided.logical_not().nonzero().flatten();
    }

    private static SpikingNeuron Build(GoldenFile file, Case settings, SurrogateGradient surrogate)
    {
        var neuron = new NeuronSettings
        {
            Tau = settings.Tau ?? settings.InitTau ?? 2.0, Threshold = settings.VThreshold, VReset = settings.VReset,
            DetachReset = settings.DetachReset, DecayInput = settings.DecayInput, Surrogate = surrogate,
        };
        return settings.Class switch
        {
            "MultiStepLIFNode" => new LifNeuron(neuron),
            "MultiStepIFNode" => new IntegrateFireNeuron(neuron),
            "MultiStepParametricLIFNode" => new ParametricLifNeuron(neuron),
            var other => throw new UserErrorException($"{file.Path}: a case has class '{other}', must be MultiStepLIFNode, MultiStepIFNode or MultiStepParametricLIFNode."),
        };
    }

    private static void CheckSurrogate(GoldenFile file, CheckReport report, ScalarType type, string name)
    {
        using var scope = NewDisposeScope();
        var surrogate = ParseSurrogate(file, SurrogateName().Match(name), name);
        var x = file.Read($"surrogate/{name}/x", type).requires_grad_();
        var y = surrogate.Fire(x);
        y.sum().backward();
        var tolerances = Tolerances.For(type);
        Comparison.CompareExactly(report.Group("surrogate forward"), $"{name}/y", y, file.Read($"surrogate/{name}/y"));
        var expected = file.Read($"surrogate/{name}/grad");
        Comparison.Compare(report.Group("surrogate derivative"), $"{name}/grad", x.grad!, expected, tolerances.ForValue);
        Comparison.Compare(report.Group("surrogate derivative"), $"{name}/grad", surrogate.Derivative(x.detach()), expected, tolerances.ForValue);
    }

    private static SurrogateGradient CasesSurrogate(GoldenFile file)
    {
        var text = file.Metadata("surrogate") ?? "sigmoid alpha=4";
        return ParseSurrogate(file, SurrogateText().Match(text), text);
    }

    private static SurrogateGradient ParseSurrogate(GoldenFile file, Match match, string text)
    {
        if (!match.Success) throw new UserErrorException($"{file.Path}: surrogate '{text}' must be sigmoid or atan with its slope, as in sigmoid_a4.");
        var shape = match.Groups["shape"].Value == "sigmoid" ? SurrogateShape.Sigmoid : SurrogateShape.Atan;
        return new SurrogateGradient(shape, double.Parse(match.Groups["alpha"].Value.Replace('p', '.'), CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"^(?<shape>sigmoid|atan)_a(?<alpha>\d+(p\d+)?)$")]
    private static partial Regex SurrogateName();

    [GeneratedRegex(@"^(?<shape>sigmoid|atan) alpha=(?<alpha>\d+(\.\d+)?)")]
    private static partial Regex SurrogateText();
}

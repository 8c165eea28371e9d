using Volley.Models;
using Volley.Models.Spiking;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

// T time steps, B batch; tensors of spiking models come as [T, B, …] or folded as [T·B, …], time major.

/// <summary>What happens inside a network: recorded outputs of submodules, spikes, membranes and firing rates, against <c>inter/</c>, <c>fr/</c> and <c>fr_hook/</c>.</summary>
internal sealed class Intermediates : IDisposable
{
    private static readonly string[] Kinds = ["spike", "input", "v_seq", "output"];

    private readonly GoldenFile _file;
    private readonly ImageClassifier _model;
    private readonly string _part;
    private readonly Recorder _recorder;
    private readonly Dictionary<string, SpikingNeuron> _neurons;
    private readonly long _batch;

    private Intermediates(GoldenFile file, ImageClassifier model, string part)
    {
        (_file, _model, _part) = (file, model, part);
        _neurons = model.NeuronLayers.ToDictionary(n => n.Name, n => n.Layer, StringComparer.Ordinal);
        _batch = file.Shape("input")[0];
        var modules = file.Below(part + "inter/").Select(name => Split(name).Module)
            .Concat(file.Below(part + "fr/"))
            .Concat(file.Below(part + "fr_hook/").SelectMany(HookedRate.Modules));
        _recorder = Recorder.Attach(model, modules.ToHashSet(StringComparer.Ordinal));
    }

    /// <param name="part"><c>train/</c> or <c>eval/</c>.</param>
    public static Intermediates Attach(GoldenFile file, ImageClassifier model, string part) => new(file, model, part);

    public void Compare(CheckReport report, Tolerances tolerances)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        foreach (var name in _file.Below(_part + "inter/")) CompareIntermediate(report, tolerances, name);
        CompareRates(report, tolerances);
    }

    public void Dispose() => _recorder.Dispose();

    private void CompareIntermediate(CheckReport report, Tolerances tolerances, string name)
    {
        var (module, kind) = Split(name);
        var group = report.Group(_part + (kind == "spike" ? "spikes" : "intermediates"));
        var expected = _file.Read($"{_part}inter/{name}");
        var whole = kind switch
        {
            "spike" or "output" => _recorder.Output(module),
            "input" => _recorder.Input(module),
            "v_seq" when _neurons.TryGetValue(module, out var neuron) && _recorder.Input(module) is { } input => neuron.Trace(input).V_TX,
            _ => null,
        };
        if (whole is null)
        {
            group.AddFailure($"{name}: the model has no such module, or did not call it");
            return;
        }
        if (FirstOfBatch(whole, expected.shape) is not { } actual)
            group.AddFailure($"{name}: has shape [{string.Join(",", whole.shape)}], whose first image does not fit [{string.Join(",", expected.shape)}]");
        else if (kind == "spike")
            Comparison.CompareExactly(group, name, actual, expected);
        else
            Comparison.Compare(group, name, actual, expected, tolerances.ForValue);
    }

    private void CompareRates(CheckReport report, Tolerances tolerances)
    {
        var layers = _file.Below(_part + "fr/").ToArray();
        if (layers.Length > 0)
            Comparison.CompareNames(report.Group(_part + "firing rates"), "neuron layers that forward calls", _neurons.Keys, layers);
        foreach (var layer in layers)
            CompareRate($"{_part}fr/{layer}", _recorder.Output(layer) is { } spikes ? PerTimeStep(spikes) : null);
        foreach (var key in _file.Below(_part + "fr_hook/"))
            CompareRate($"{_part}fr_hook/{key}", HookedRate.Of(key, _recorder) is { } product ? PerTimeStep(product) : null);

        void CompareRate(string name, Tensor? rates)
        {
            var group = report.Group(_part + "firing rates");
            var expected = _file.Read(name);
            if (rates is null) group.AddFailure($"{name}: the model did not compute it");
            else Comparison.Compare(group, name, rates, expected, tolerances.ForValue);
        }
    }

    /// <returns>[T], means in double.</returns>
    private Tensor PerTimeStep(Tensor whole) => whole.to_type(ScalarType.Float64).reshape(_model.TimeSteps, -1).mean([1]);

    private Tensor? FirstOfBatch(Tensor whole, long[] expected)
    {
        var isSpiking = _neurons.Count > 0;
        var perImage = expected.Aggregate(1L, (product, n) => product * n) / (isSpiking ? _model.TimeSteps : 1);
        if (whole.numel() != perImage * _batch * (isSpiking ? _model.TimeSteps : 1)) return null;
        return isSpiking
            ? whole.reshape(_model.TimeSteps, _batch, perImage).narrow(1, 0, 1).reshape(expected)
            : whole.narrow(0, 0, 1).reshape(expected);
    }

    private static (string Module, string Kind) Split(string name)
    {
        var dot = name.LastIndexOf('.');
        var kind = name[(dot + 1)..];
        return dot > 0 && Kinds.Contains(kind) ? (name[..dot], kind) : (name, "");
    }
}

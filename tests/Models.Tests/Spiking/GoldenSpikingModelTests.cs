using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Tests.Spiking;

/// <summary>SDT and Spikformer against the reference implementations' numbers, in both types.</summary>
public sealed class GoldenSpikingModelTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<string, ScalarType> Files
    {
        get
        {
            var data = new TheoryData<string, ScalarType>();
            foreach (var name in new[] { "sdt_lif", "sdt_plif", "spikformer_lif" })
            {
                data.Add(name, ScalarType.Float64);
                data.Add(name, ScalarType.Float32);
            }
            return data;
        }
    }

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public void Evaluation_GivesTheReferencesLogits(string name, ScalarType type)
    {
        using var golden = new GoldenModelFile(name);
        using var model = golden.Build(type);
        model.eval();
        using var off = no_grad();
        var logits = model.call(golden["input"].to(type));
        Near.Assert(golden["eval/output"], logits, Tolerance(type), "eval/output");
        Near.Assert(golden["eval/loss"], functional.cross_entropy(logits, golden["target"]), Tolerance(type), "eval/loss");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Training_GivesTheReferencesLogitsGradientsAndStatistics(string name, ScalarType type)
    {
        using var golden = new GoldenModelFile(name);
        using var model = golden.Build(type);
        var input = golden["input"].to(type).requires_grad_();
        var logits = model.call(input);
        var loss = functional.cross_entropy(logits, golden["target"]);
        loss.backward();
        BackwardFailure.ThrowIfAny();

        Near.Assert(golden["train/output"], logits, Tolerance(type), "train/output");
        Near.Assert(golden["train/loss"], loss, Tolerance(type), "train/loss");
        var gradients = golden.Below("train/grad/").ToDictionary(p => p, p => golden["train/grad/" + p]);
        var largest = gradients.Values.Max(g => g.abs().max().ToDouble());
        foreach (var (parameter, expected) in gradients)
            AssertGradient(expected, model.get_parameter(parameter)!.grad!, largest, type, parameter);
        AssertGradient(golden["train/input_grad"], input.grad!, golden["train/input_grad"].abs().max().ToDouble(), type, "input");

        var withoutGradient = model.named_parameters().Where(p => p.parameter.grad is null).Select(p => p.name);
        Assert.Equal(golden.ParametersWithoutGradient.Order(), withoutGradient.Order());
        Assert.Equal(golden.ParametersWithoutGradient.Order(), model.UnusedParameters.Order());
        foreach (var (buffer, value) in model.named_buffers())
            Near.Assert(golden["adamw/state/" + buffer], value, Tolerance(type), buffer);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void NeuronLayers_FireAsTheReferences_InTheOrderOfUse(string name, ScalarType type)
    {
        using var golden = new GoldenModelFile(name);
        using var model = golden.Build(type);
        model.IsObserved = true;
        var order = new List<string>();
        foreach (var (layer, neurons) in model.NeuronLayers)
        {
            neurons.register_forward_hook((_, input, spikes) =>
            {
                order.Add(layer);
                Near.Assert(golden["train/fr/" + layer], spikes.to_type(ScalarType.Float64).flatten(1).mean([1]), 1e-12, layer);
                if (golden.Below("train/inter/").Contains(layer + ".spike"))
                    Near.AssertSame(golden[$"train/inter/{layer}.spike"], spikes.narrow(1, 0, 1), layer);
                if (golden.Below("train/inter/").Contains(layer + ".v_seq"))
                    Near.Assert(golden[$"train/inter/{layer}.v_seq"], neurons.Trace(input).V_TX.narrow(1, 0, 1), Tolerance(type), layer);
                return spikes;
            });
        }
        using var off = no_grad();
        model.call(golden["input"].to(type));
        Assert.Equal(model.NeuronLayers.Select(l => l.Name), order);
        Assert.Equal(golden.Below("train/fr/").Order(), order.Order());
    }

    [Theory]
    [InlineData("sdt_lif")]
    [InlineData("sdt_plif")]
    public void LogitsPerTimeStep_AreTheReferences(string name)
    {
        using var golden = new GoldenModelFile(name);
        using var model = golden.Build(ScalarType.Float64);
        Near.Assert(golden["tet/output"], model.ForwardPerTimeStep(golden["input"]), 1e-10);
    }

    // golden/README's recommendations.
    private static double Tolerance(ScalarType type) => type == ScalarType.Float64 ? 1e-10 : 1e-5;

    private static void AssertGradient(Tensor expected, Tensor actual, double largest, ScalarType type, string what) =>
        Near.Assert(expected, actual, type == ScalarType.Float64 ? 1e-10 : 5e-5 * largest / Math.Max(1, expected.abs().max().ToDouble()), what);
}

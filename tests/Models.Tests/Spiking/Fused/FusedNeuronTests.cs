using TorchSharp;
using Volley.Models.Spiking;
using static TorchSharp.torch;

namespace Volley.Models.Tests.Spiking.Fused;

/// <summary>The fused kernel against plain operations: spikes equal bit for bit, gradients to rounding.</summary>
[Collection(nameof(GlobalGenerator))]
public sealed class FusedNeuronTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<string, int, long[], ScalarType> Cases
    {
        get
        {
            var data = new TheoryData<string, int, long[], ScalarType>();
            foreach (var kind in new[] { "lif", "if", "plif", "lif soft", "plif soft atan", "lif rest", "lif no decay", "plif no decay attached", "lif attached" })
            {
                data.Add(kind, 4, [3, 5, 7], ScalarType.Float32);      // no whole number of vectors
                data.Add(kind, 1, [1], ScalarType.Float32);
                data.Add(kind, 3, [2, 1024], ScalarType.Float64);      // whole stripes
            }
            data.Add("lif", 40, [2, 33], ScalarType.Float32);          // many time steps
            data.Add("plif", 2, [33, 1009], ScalarType.Float32);       // several chunks, an odd end
            return data;
        }
    }

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void SpikesAreEqual_AndGradientsAgree(string kind, int timeSteps, long[] shape, ScalarType type)
    {
        manual_seed(7);
        var layer = Layer(kind, type);
        var x = (randn([timeSteps, .. shape]) * 1.5 + 0.6).to(type);
        var upstream = randn([timeSteps, .. shape]).to(type);
        var plain = Outcome(layer, NeuronKernel.Plain, x, upstream);
        var fused = Outcome(layer, NeuronKernel.Fused, x, upstream);
        if (x.numel() > 50) Assert.InRange(plain.Spikes.mean().ToDouble(), 0.02, 0.98);
        Near.AssertSame(plain.Spikes, fused.Spikes);
        var tolerance = type == ScalarType.Float64 ? 1e-12 : 1e-6;
        Near.Assert(plain.Input, fused.Input, tolerance);
        // Sums thousands of cancelling terms: compared with what is summed.
        if (plain.W is not null) Near.Assert(plain.W, fused.W!, type == ScalarType.Float64 ? 1e-11 : 1e-6 * Math.Sqrt(x.numel()));
    }

    [Fact]
    public void RepeatedInput_EqualsTheSameInputAtEachTimeStep()
    {
        manual_seed(7);
        foreach (var kernel in new[] { NeuronKernel.Plain, NeuronKernel.Fused })
        {
            var layer = Layer("plif", ScalarType.Float64);
            layer.Kernel = kernel;
            var x = (randn(1, 3, 1030, dtype: ScalarType.Float64) + 1).requires_grad_();
            var upstream = randn(4, 3, 1030, dtype: ScalarType.Float64);
            var once = layer.ForwardRepeated(x, 4);
            (once * upstream).sum().backward();
            var (gradient, decay) = (x.grad!.clone(), layer.get_parameter("w")!.grad!.clone());
            x.grad = null;
            layer.get_parameter("w")!.grad = null;
            layer.Kernel = NeuronKernel.Plain;
            var copied = layer.call(x.repeat(4, 1, 1));
            (copied * upstream).sum().backward();
            Near.AssertSame(copied, once);
            Near.Assert(x.grad!, gradient, 1e-12);
            Near.Assert(layer.get_parameter("w")!.grad!, decay, 1e-11);
        }
    }

    [Fact]
    public void ResultsDoNotDependOnTheNumberOfThreads()
    {
        var before = get_num_threads();
        try
        {
            manual_seed(7);
            var layer = Layer("plif", ScalarType.Float32);
            var x = randn(4, 200_003) + 0.5;
            var upstream = randn(4, 200_003);
            set_num_threads(1);
            var one = Outcome(layer, NeuronKernel.Fused, x, upstream);
            set_num_threads(3);
            var three = Outcome(layer, NeuronKernel.Fused, x, upstream);
            Near.AssertSame(one.Spikes, three.Spikes);
            Near.AssertSame(one.Input, three.Input);
            Near.AssertSame(one.W!, three.W!);
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void MemoryOrderOfTheInput_IsKept_AndDoesNotMatter()
    {
        manual_seed(7);
        var layer = Layer("lif", ScalarType.Float64);
        layer.Kernel = NeuronKernel.Fused;
        var ordered = randn([4, 2, 5, 6, 7], ScalarType.Float64) + 0.5;
        var channelsLast = ordered.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3);
        var sliced = cat([ordered, ordered], 4).narrow(4, 0, 7);
        var upstream = randn_like(ordered);
        var expected = Outcome(layer, NeuronKernel.Fused, ordered, upstream);
        foreach (var x in new[] { channelsLast, sliced })
        {
            var actual = Outcome(layer, NeuronKernel.Fused, x, upstream);
            Near.AssertSame(expected.Spikes, actual.Spikes);
            Near.AssertSame(expected.Input, actual.Input);
        }
        Assert.Equal(channelsLast.stride(), layer.call(channelsLast).stride());
    }

    [Fact]
    public void WithoutGradients_NothingIsSaved_AndSpikesAreTheSame()
    {
        manual_seed(7);
        var layer = Layer("lif", ScalarType.Float32);
        var x = (randn(4, 100) + 0.5).requires_grad_();
        var expected = layer.call(x);
        using var off = no_grad();
        var actual = layer.call(x);
        Assert.True(expected.requires_grad);
        Assert.False(actual.requires_grad);
        Near.AssertSame(expected, actual);
    }

    [Fact]
    public void AnInputTheKernelCannotTake_GoesThePlainWay_OrIsNamed()
    {
        var layer = new LifNeuron(new NeuronSettings());
        var x = randn(4, 10).to(ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, layer.call(x).dtype);
        layer.Kernel = NeuronKernel.Fused;
        Assert.Contains("BFloat16", Assert.Throws<NotSupportedException>(() => layer.call(x)).Message, StringComparison.Ordinal);
    }

    private static SpikingNeuron Layer(string kind, ScalarType type)
    {
        var settings = new NeuronSettings
        {
            VReset = kind.Contains("soft", StringComparison.Ordinal) ? null : kind.Contains("rest", StringComparison.Ordinal) ? -0.3 : 0.0,
            DetachReset = !kind.Contains("attached", StringComparison.Ordinal),
            DecayInput = !kind.Contains("no decay", StringComparison.Ordinal),
            Surrogate = kind.Contains("atan", StringComparison.Ordinal) ? new(SurrogateShape.Atan, 2.0) : new(SurrogateShape.Sigmoid, 4.0),
        };
        SpikingNeuron layer = kind.Split(' ')[0] switch
        {
            "if" => new IntegrateFireNeuron(settings),
            "plif" => new ParametricLifNeuron(settings with { Tau = 2.7 }),
            _ => new LifNeuron(settings),
        };
        layer.to(type);
        return layer;
    }

    private static (Tensor Spikes, Tensor Input, Tensor? W) Outcome(SpikingNeuron layer, NeuronKernel kernel, Tensor x, Tensor upstream)
    {
        layer.Kernel = kernel;
        var w = layer.named_parameters().FirstOrDefault().parameter;
        if (w is not null) w.grad = null;
        var leaf = x.detach().requires_grad_();
        var spikes = layer.call(leaf);
        (spikes * upstream).sum().backward();
        BackwardFailure.ThrowIfAny();
        return (spikes.detach(), leaf.grad!.clone(), w?.grad?.clone());
    }
}

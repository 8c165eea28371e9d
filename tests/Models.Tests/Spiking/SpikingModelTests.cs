using TorchSharp;
using Volley.Models.Safetensors;
using Volley.Models.Spiking;
using Volley.Shared.Config;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Tests.Spiking;

/// <summary>SDT and Spikformer in configurations that no golden file has.</summary>
[Collection(nameof(GlobalGenerator))]
public sealed class SpikingModelTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<string> Cases => [.. Configurations.Keys];

    private static readonly Dictionary<string, (SpikingSpec Spec, ModelInput Input)> Configurations = new()
    {
        ["sdt, pools everywhere, odd size"] = (Sdt() with { PoolingStat = "1111" }, new(3, 37, 29, 7)),
        ["sdt, pools once, one channel"] = (Sdt() with { PoolingStat = "0001", Depth = 1 }, new(1, 9, 12, 3)),
        ["sdt, pools nowhere, odd width"] = (Sdt() with { PoolingStat = "0000", EmbedDim = 20, Heads = 5, Depth = 1 }, new(3, 6, 6, 3)),
        ["sdt, mlp ratio 1, plif"] = (Sdt() with { MlpRatio = 1, Neuron = "plif" }, new(3, 16, 16, 5)),
        ["sdt, mlp ratio 2.5, if, T 1"] = (Sdt() with { MlpRatio = 2.5, Neuron = "if", TimeSteps = 1, Depth = 3 }, new(3, 16, 16, 5)),
        ["sdt, soft reset, atan, dropped branches"] = (Sdt() with { Reset = "soft", Surrogate = "atan", SurrogateAlpha = 2, DropPath = 0.5, Dropout = 0.3 }, new(3, 16, 16, 5)),
        ["sdt, poisson"] = (Sdt() with { Encoder = "poisson", TimeSteps = 6 }, new(3, 16, 16, 5)),
        ["spikformer, odd size"] = (Spikformer() with { Depth = 1 }, new(3, 21, 35, 7)),
        ["spikformer, plif, mlp ratio 1"] = (Spikformer() with { Neuron = "plif", MlpRatio = 1 }, new(1, 16, 16, 4)),
        ["spikformer, latency, T 5, dropped branches"] = (Spikformer() with { Encoder = "latency", TimeSteps = 5, DropPath = 0.4, Dropout = 0.2 }, new(3, 16, 16, 4)),
    };

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void FusedEqualsPlain_InLogitsStatisticsAndGradients(string name)
    {
        using var plain = Create(name, NeuronKernel.Plain);
        using var fused = Create(name, NeuronKernel.Fused);
        var (images, labels) = Batch(name);
        foreach (var model in new[] { plain, fused })
        {
            manual_seed(3);      // dropout, drop-path and Poisson draw the same
            functional.cross_entropy(model.call(images), labels).backward();
            BackwardFailure.ThrowIfAny();
        }
        foreach (var ((parameter, a), (_, b)) in plain.named_parameters().Zip(fused.named_parameters()))
        {
            Assert.Equal(plain.UnusedParameters.Contains(parameter), a.grad is null);
            if (a.grad is null) Assert.Null(b.grad);
            else Near.Assert(a.grad, b.grad!, 1e-10, parameter);
        }
        foreach (var ((buffer, a), (_, b)) in plain.named_buffers().Zip(fused.named_buffers())) Near.Assert(a, b, 1e-10, buffer);
        plain.eval();
        fused.eval();
        using var off = no_grad();
        Near.Assert(plain.call(images), fused.call(images), 1e-10);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_HaveTheRightShapes_AndTimeStepsAverageToTheLogits(string name)
    {
        using var model = Create(name, NeuronKernel.Auto);
        model.eval();
        using var off = no_grad();
        var (images, _) = Batch(name);
        var logits = model.call(images);
        var perStep = model.ForwardPerTimeStep(images);
        Assert.Equal([4, Configurations[name].Input.Classes], logits.shape);
        Assert.Equal([model.TimeSteps, 4, Configurations[name].Input.Classes], perStep.shape);
        Near.Assert(logits, perStep.mean([0]), 1e-12);
        model.IsObserved = true;
        Near.Assert(logits, model.call(images), 1e-12, "observed");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void SavedAndLoaded_GivesTheSameLogits(string name)
    {
        using var model = Create(name, NeuronKernel.Auto);
        var (images, labels) = Batch(name);
        functional.cross_entropy(model.call(images), labels).backward();      // moves the statistics
        model.eval();
        var path = Path.Combine(Path.GetTempPath(), $"volley-{Guid.NewGuid():n}.safetensors");
        try
        {
            SafetensorsWriter.Write(path, ModuleState.ToHost(model));
            using var file = SafetensorsFile.Open(path);
            using var other = Create(name, NeuronKernel.Auto, seed: 99);
            ModuleState.Load(other, file);
            other.eval();
            using var off = no_grad();
            Near.AssertSame(model.call(images), other.call(images));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("sdt, soft reset, atan, dropped branches")]
    [InlineData("spikformer, plif, mlp ratio 1")]
    public void TrainingSteps_LeaveNoTensorBehind(string name)
    {
        using var model = Create(name, NeuronKernel.Auto);
        var (images, labels) = Batch(name);
        long afterTen = 0;
        for (var i = 1; i <= 50; i++)
        {
            using (NewDisposeScope())
            {
                functional.cross_entropy(model.call(images), labels).backward();
                foreach (var parameter in model.parameters()) parameter.grad?.zero_();
            }
            if (i == 10) afterTen = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Assert.Equal(afterTen, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void WhatIsWrongWithASpecification_IsSaidAtOnce()
    {
        var spec = Sdt() with { PoolingStat = "0013", Neuron = "glif", Tau = 0, Surrogate = "step", Encoder = "phase", Reset = "none", EmbedDim = 4, Heads = 1 };
        var error = Assert.Throws<ConfigException>(() => ModelRegistry.Create(spec, new(3, 32, 32, 10), seed: 1));
        foreach (var key in new[] { "pooling_stat", "neuron", "tau", "surrogate", "encoder", "reset", "embed_dim" })
            Assert.Contains(error.Problems, problem => problem.Key == "model." + key);
    }

    private static SdtSpec Sdt() => new() { Name = "sdt", EmbedDim = 16, Depth = 2, Heads = 4, MlpRatio = 2, TimeSteps = 4 };

    private static SpikformerSpec Spikformer() => new() { Name = "spikformer", EmbedDim = 16, Depth = 2, Heads = 4, MlpRatio = 2, TimeSteps = 4 };

    private static SpikingClassifier Create(string name, NeuronKernel kernel, ulong seed = 1)
    {
        var (spec, input) = Configurations[name];
        var model = (SpikingClassifier)ModelRegistry.Create(spec, input, seed);
        model.to(ScalarType.Float64);
        // Fresh weights leave later layers silent: livelier norms make every layer fire.
        using var off = no_grad();
        foreach (var (parameter, value) in model.named_parameters())
            if (parameter.Contains("bn", StringComparison.Ordinal)) value.fill_(parameter.EndsWith("weight", StringComparison.Ordinal) ? 1.3 : 0.5);
        model.Kernel = kernel;
        return model;
    }

    private static (Tensor Images, Tensor Labels) Batch(string name)
    {
        var input = Configurations[name].Input;
        manual_seed(11);
        return (randn(4, input.Channels, input.Height, input.Width, dtype: ScalarType.Float64), randint(0, input.Classes, [4]));
    }
}

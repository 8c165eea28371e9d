using TorchSharp;
using Volley.GpuNode.Checking;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models.Safetensors;
using Volley.Shared.Config;
using Volley.TestKit;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training.Optimizers;

public sealed class FlatOptimizerTests : IDisposable
{
    private static readonly IReadOnlySet<string> None = new HashSet<string>();
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    public static TheoryData<string, OptimizerSpec> Golden => new()
    {
        { "adamw_sdt", new OptimizerSpec { Name = "adamw", Lr = 3e-4, WeightDecay = 0.06 } },
        { "adamw_spikformer", new OptimizerSpec { Name = "adamw", Lr = 5e-4, WeightDecay = 0.06 } },
        { "sgd_nesterov_timm", new OptimizerSpec { Name = "sgd", Lr = 0.05, WeightDecay = 1e-3, Nesterov = true } },
        { "sgd_momentum_timm", new OptimizerSpec { Name = "sgd", Lr = 0.05, WeightDecay = 1e-3 } },
        { "torch_sgd_momentum_wd_all", new OptimizerSpec { Name = "sgd", Lr = 0.1, WeightDecay = 5e-4, DecayOn = "all" } },
        { "torch_adamw_wd_all", new OptimizerSpec { Name = "adamw", Lr = 1e-3, WeightDecay = 0.05, DecayOn = "all" } },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void Step_FollowsTheReference_InBothTypesAndBothWays(string name, OptimizerSpec spec)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Require("golden/optim_schedule.safetensors"));
        foreach (var type in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            foreach (var useKernel in new[] { true, false })
            {
                var worst = WorstError(file, name, spec, type, useKernel);
                // f64: golden/README recommends 1e-10; f32 keeps about seven digits of values below 3.
                Assert.True(worst <= (type == ScalarType.Float64 ? 1e-10 : 2e-6), $"{name} {type} kernel {useKernel}: {worst:g3}");
            }
        }
    }

    [Theory]
    [InlineData("adam")]
    [InlineData("adamw")]
    [InlineData("sgd")]
    public void Step_EqualsTorchsOwnOptimizer(string name)
    {
        manual_seed(3);
        var ours = new ParameterBag([("a.weight", randn(17, 5)), ("a.bias", randn(17)), ("b", randn(3, 3, 3))]);
        var theirs = new ParameterBag(ours.named_parameters().Select(p => (p.name, p.parameter.detach().clone())));
        var spec = new OptimizerSpec { Name = name, Lr = 0.01, WeightDecay = 0.1, DecayOn = "all" };
        using var flat = FlatParameters.Attach(ours, None);
        using var optimizer = FlatOptimizer.Create(spec, flat, None);
        var reference = name switch
        {
            "adam" => (optim.Optimizer)optim.Adam(theirs.parameters(), 0.01, weight_decay: 0.1),
            "adamw" => optim.AdamW(theirs.parameters(), 0.01, weight_decay: 0.1),
            _ => optim.SGD(theirs.parameters(), 0.01, momentum: 0.9, weight_decay: 0.1),
        };
        for (var step = 0; step < 20; step++)
        {
            flat.ZeroGradients();
            foreach (var (mine, other) in ours.parameters().Zip(theirs.parameters()))
            {
                var gradient = randn_like(mine);
                mine.grad!.copy_(gradient);
                other.grad = gradient;
            }
            optimizer.Step(0.01);
            reference.step();
        }
        foreach (var (mine, other) in ours.parameters().Zip(theirs.parameters()))
            Assert.True((mine - other).abs().max().item<float>() < 2e-6);
    }

    [Fact]
    public void Step_ScalesGradientsFirst()
    {
        var value = tensor(new[] { 1f, 2f });
        using var flat = FlatParameters.Attach(new ParameterBag([("w", value)]), None);
        using var optimizer = FlatOptimizer.Create(new OptimizerSpec { Name = "sgd", Momentum = 0 }, flat, None);
        using (var gradient = flat.Gradient(0)) gradient.fill_(4);
        optimizer.Step(learningRate: 0.5, gradientScale: 0.25);
        Assert.Equal([0.5f, 1.5f], flat.Value(0).data<float>().ToArray());
    }

    [Fact]
    public void UnusedParameters_AreNeverTouched()
    {
        var bag = new ParameterBag([("used", ones(4, 4)), ("unused", ones(4, 4))]);
        using var flat = FlatParameters.Attach(bag, new HashSet<string> { "unused" });
        using var optimizer = FlatOptimizer.Create(new OptimizerSpec { WeightDecay = 0.5 }, flat, None);
        optimizer.Step(0.1);
        Assert.Equal(16f, bag.get_parameter("unused")!.sum().item<float>());
        Assert.NotEqual(16f, bag.get_parameter("used")!.sum().item<float>());
        Assert.Equal(["used"], flat.Layout.Slots.Select(slot => slot.Name));
    }

    [Fact]
    public void Decay_LeavesOutVectorsBiasesAndNamedParameters_UnlessToldAll()
    {
        FlatSlot[] slots =
        [
            new("lin.weight", [3, 4], 0, 12, 16), new("lin.bias", [3], 0, 3, 16), new("odd.bias", [3, 4], 0, 12, 16),
            new("w", [], 0, 1, 16), new("pos_embed", [1, 65, 8], 0, 520, 528),
        ];
        var never = new HashSet<string> { "pos_embed" };
        Assert.Equal([true, false, false, false, false], slots.Select(s => WeightDecayRule.Decays(new OptimizerSpec(), s, never)));
        Assert.All(slots, s => Assert.True(WeightDecayRule.Decays(new OptimizerSpec { DecayOn = "all" }, s, never)));
    }

    [Fact]
    public void Attach_LaysParametersOutInReverse_AlignedAndWithValuesKept()
    {
        var bag = new ParameterBag([("first", arange(5).to(ScalarType.Float32)), ("second", ones(16)), ("third", zeros(17))]);
        using var flat = FlatParameters.Attach(bag, None);
        Assert.Equal([("third", 0L, 32L), ("second", 32L, 16L), ("first", 48L, 16L)], flat.Layout.Slots.Select(s => (s.Name, s.Offset, s.PaddedCount)));
        Assert.Equal([0f, 1f, 2f, 3f, 4f], bag.get_parameter("first")!.data<float>().ToArray());
        flat.Values.fill_(7);
        Assert.Equal(7f, bag.get_parameter("second")![3].item<float>());
    }

    [Fact]
    public void Gradients_AreViewsThatSurviveBackward_AndADroppedOneIsNoticed()
    {
        var layer = nn.Linear(3, 2);
        using var flat = FlatParameters.Attach(layer, None);
        for (var pass = 1; pass <= 2; pass++)
        {
            layer.forward(ones(1, 3)).sum().backward();
            flat.VerifyViews();
            Assert.Equal(8f * pass, flat.Gradients.sum().item<float>());
        }
        flat.ZeroGradients();
        Assert.Equal(0f, layer.weight!.grad!.sum().item<float>());
        layer.zero_grad();
        Assert.Throws<InvalidOperationException>(flat.VerifyViews);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(float.MaxValue)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void SumOfSquares_IsFinite_ExactlyWhenEveryElementIs(double odd)
    {
        var values = new float[64];
        values.AsSpan().Fill(2);
        values[37] = (float)odd;
        var sum = UpdateKernels.SumOfSquares(values);
        Assert.Equal(double.IsFinite(odd), double.IsFinite(sum));
        if (odd == 0) Assert.Equal(63 * 4.0, sum);
    }

    private static double WorstError(SafetensorsFile file, string name, OptimizerSpec spec, ScalarType type, bool useKernel)
    {
        using var scope = NewDisposeScope();
        var bag = new ParameterBag(file.Entries.Where(e => e.Name.StartsWith("init/", StringComparison.Ordinal)).Select(e => (e.Name[5..], file.ReadTensor(e.Name).to(type))));
        using var flat = FlatParameters.Attach(bag, None);
        using var optimizer = FlatOptimizer.Create(spec, flat, None, useKernel);
        var worst = 0.0;
        for (var step = 0; step < 5; step++)
        {
            flat.ZeroGradients();
            foreach (var (parameter, value) in bag.named_parameters()) value.grad!.copy_(file.ReadTensor($"grad/{step}/{parameter}"));
            optimizer.Step(spec.Lr);
            foreach (var (parameter, value) in bag.named_parameters())
            {
                if (!file.Contains($"{name}/after_{step + 1}/{parameter}")) continue;
                var difference = (value.to(ScalarType.Float64) - file.ReadTensor($"{name}/after_{step + 1}/{parameter}")).abs().max().item<double>();
                worst = Math.Max(worst, difference);
            }
        }
        return worst;
    }
}

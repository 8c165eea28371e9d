using Volley.Models.Layers;
using static TorchSharp.torch;

namespace Volley.Models.Tests.Layers;

[Collection(nameof(GlobalGenerator))]
public sealed class DropPathTests
{
    [Fact]
    public void InTraining_DropsWholeSamples_AndScalesTheRest()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var layer = new DropPath(0.25);
        var result = layer.call(ones(4000, 3));
        var perSample = result.amax([1]);
        Assert.True(result.eq(perSample.unsqueeze(1)).all().item<bool>());
        Assert.True(perSample.eq(0).logical_or(perSample.sub(1 / 0.75).abs().lt(1e-6)).all().item<bool>());
        Assert.Equal(0.25, perSample.eq(0).to_type(ScalarType.Float32).mean().item<float>(), 0.03);
    }

    [Fact]
    public void InEvaluation_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var layer = new DropPath(0.5);
        layer.eval();
        Assert.True(layer.call(ones(100, 3)).eq(1).all().item<bool>());
    }

    [Fact]
    public void LinearRates_RiseFromZero() => Assert.Equal([0, 0.1, 0.2], DropPath.LinearRates(0.2, 3), (a, b) => Math.Abs(a - b) < 1e-12);
}

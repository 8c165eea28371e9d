using TorchSharp;
using Volley.Models.Spiking;
using static TorchSharp.torch;

namespace Volley.Models.Tests.Spiking;

[Collection(nameof(GlobalGenerator))]
public sealed class InputEncoderTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    // Three pixels of one image: darkest, brightest, in between. A second image of another range, a third without one.
    private readonly Tensor _images = tensor(new float[] { -1, 3, 0, 10, 20, 15, 5, 5, 5 }).view(3, 1, 1, 3);

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Direct_IsTheImageOnce()
    {
        var encoder = new InputEncoder("direct", 4);
        Assert.True(encoder.IsRepeated);
        Near.AssertSame(_images, encoder.Encode(_images, isTraining: true));
    }

    [Fact]
    public void Latency_SpikesOnce_TheBrighterTheEarlier()
    {
        var spikes = new InputEncoder("latency", 5).Encode(_images, isTraining: true).view(5, 3, 3);
        Near.AssertSame(ones(3, 3), spikes.sum([0]));
        // Steps: darkest last, brightest first, a quarter up at round(0.75 · 4) = 3, half way at 2; an image without a range is dark.
        Near.AssertSame(tensor(new long[] { 4, 0, 3, 4, 0, 2, 4, 4, 4 }).view(3, 3), spikes.argmax(0));
    }

    [Fact]
    public void Poisson_FiresInProportionToBrightness()
    {
        manual_seed(1);
        var rates = new InputEncoder("poisson", 4000).Encode(_images, isTraining: true).view(4000, 3, 3).mean([0]);
        // Three standard deviations of a rate near a half over 4,000 draws: 0.024.
        Near.Assert(tensor(new[] { 0, 1, 0.25, 0, 1, 0.5, 0, 0, 0 }).view(3, 3), rates, 0.025);
    }

    [Fact]
    public void Poisson_IsTheSameAtEveryEvaluation_AndFreshInTraining()
    {
        var encoder = new InputEncoder("poisson", 64);
        manual_seed(1);
        var (first, second) = (encoder.Encode(_images, isTraining: false), encoder.Encode(_images, isTraining: false));
        Near.AssertSame(first, second);
        var (third, fourth) = (encoder.Encode(_images, isTraining: true), encoder.Encode(_images, isTraining: true));
        Assert.NotEqual(0, third.ne(fourth).sum().ToInt64());
        manual_seed(1);
        Near.AssertSame(third, encoder.Encode(_images, isTraining: true));
    }
}

using Volley.GpuNode.Data;

namespace Volley.GpuNode.Tests.Data;

public sealed class NormalisationTests
{
    [Fact]
    public void EveryValue_IsCentredAndScaled_PerChannel()
    {
        double[] mean = [0.4914, 0.25, 0], std = [0.247, 0.5, 1];
        // 259 values: whole vectors and a rest.
        var image = Enumerable.Range(0, 3 * 259).Select(i => (byte)(i % 259 % 256)).ToArray();
        var result = new float[image.Length];

        new Normalisation(mean, std).Apply(image, result);

        for (var i = 0; i < image.Length; i++)
            Assert.Equal((image[i] / 255.0 - mean[i / 259]) / std[i / 259], result[i], 2e-6);
    }

    [Fact]
    public void AVectorAndARest_GiveTheSameBits()
    {
        var normalisation = new Normalisation([0.4465], [0.2616]);
        var image = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        var whole = new float[256];
        normalisation.Apply(image, whole);

        var one = new float[1];
        for (var i = 0; i < 256; i++)
        {
            normalisation.Apply(image.AsSpan(i, 1), one);
            Assert.Equal(BitConverter.SingleToInt32Bits(whole[i]), BitConverter.SingleToInt32Bits(one[0]));
        }
    }
}

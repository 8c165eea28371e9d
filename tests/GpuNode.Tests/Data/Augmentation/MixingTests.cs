using System.Text.Json;
using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Augmentation;
using Volley.Models.Safetensors;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Data.Augmentation;

public sealed class MixingTests
{
    private static readonly ImageShape Shape = new(3, 32, 32);

    [Fact]
    public void MixedImagesAndTargets_EqualTheReferences()
    {
        using var golden = SafetensorsFile.Open(SharedFiles.Require("golden/losses.safetensors"));
        var images = golden.Read<byte>("mixup_images_u8", SafetensorsType.U8);
        var labels = golden.Read<long>("target", SafetensorsType.I64);
        var lambdas = JsonSerializer.Deserialize<double[]>(golden.Metadata["lams"])!;
        var smoothing = double.Parse(golden.Metadata["smoothing"]);
        var shape = new ImageShape(3, 6, 6);

        for (var i = 0; i < lambdas.Length; i++)
        {
            var mix = new Mix(lambdas[i], null);
            var mixed = new byte[images.Length];
            var targets = new float[labels.Length * 10];
            for (var row = 0; row < labels.Length; row++)
            {
                var partner = Mixing.PartnerOf(row, labels.Length);
                Mixing.MixPixels(mix, images.AsSpan(row * shape.Bytes, shape.Bytes), images.AsSpan(partner * shape.Bytes, shape.Bytes), mixed.AsSpan(row * shape.Bytes, shape.Bytes), shape);
                SoftTargets.Write(targets.AsSpan(row * 10, 10), labels[row], labels[partner], mix.Lambda, smoothing);
            }

            Assert.Equal(golden.Read<byte>($"soft_{i}/fast_collate_images_u8", SafetensorsType.U8), mixed);
            Assert.All(golden.Read<double>($"soft_{i}/target", SafetensorsType.F64).Zip(targets), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        }
    }

    [Fact]
    public void Cutmix_TakesTheBoxFromThePartner_AndLambdaIsTheRestOfTheArea()
    {
        var mixing = new Mixing(new AugmentSpec { Cutmix = 1 }, Shape, seed: 3);
        byte[] own = new byte[Shape.Bytes], partner = [.. Enumerable.Repeat((byte)255, Shape.Bytes)], mixed = new byte[Shape.Bytes];

        for (var step = 0; step < 50; step++)
        {
            var mix = mixing.Draw(0, step)!;
            Mixing.MixPixels(mix, own, partner, mixed, Shape);

            Assert.Equal(1 - mix.Lambda, mixed.Count(value => value == 255) / (double)Shape.Bytes, 1e-12);
        }
    }

    [Fact]
    public void WithBoth_EachStepTakesOneOfThem()
    {
        var mixing = new Mixing(new AugmentSpec { Mixup = 0.5, Cutmix = 1 }, Shape, seed: 3);

        var cutmix = Enumerable.Range(0, 400).Count(step => mixing.Draw(1, step)!.Box is not null);

        Assert.InRange(cutmix, 150, 250);
    }

    [Fact]
    public void FromTheOffEpochOn_NothingIsMixed()
    {
        var mixing = new Mixing(new AugmentSpec { Mixup = 0.5, MixupOffEpoch = 2 }, Shape, seed: 3);

        Assert.NotNull(mixing.Draw(1, 0));
        Assert.Null(mixing.Draw(2, 0));
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    [InlineData(4.0)]
    public void Beta_HasItsMeanAndVariance(double alpha)
    {
        var random = new KeyedRandom(11);
        var draws = Enumerable.Range(0, 40_000).Select(_ => BetaDistribution.Draw(ref random, alpha)).ToArray();

        var mean = draws.Average();
        var variance = draws.Average(value => (value - mean) * (value - mean));

        Assert.All(draws, value => Assert.InRange(value, 0, 1));
        Assert.Equal(0.5, mean, 0.01);
        Assert.Equal(1 / (4 * (2 * alpha + 1)), variance, 0.005);
    }

    [Fact]
    public void Beta_OfATinyAlpha_IsStillANumber()
    {
        var random = new KeyedRandom(2);

        for (var i = 0; i < 2000; i++) Assert.InRange(BetaDistribution.Draw(ref random, 0.001), 0, 1);
    }
}

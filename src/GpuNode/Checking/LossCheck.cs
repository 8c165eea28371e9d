using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Augmentation;
using Volley.Models.Losses;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

// B images, K classes, T time steps.

/// <summary>Losses on given logits, with their gradients; soft targets and mixed images.</summary>
internal static class LossCheck
{
    private sealed record Tet
    {
        public double Means { get; init; }
        public double Lamb { get; init; }
    }

    public static void Run(GoldenFile file, CheckReport report, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var smoothing = file.Metadata("smoothing") is null ? 0 : file.MetadataJson<double>("smoothing");
        var target = file.Read("target");
        Check("ce", "logits", logits => CrossEntropy.Sum(logits, target).div(logits.shape[0]));
        Check("label_smoothing", "logits", logits => CrossEntropy.Sum(logits, target, smoothing).div(logits.shape[0]));
        var lambdas = file.Metadata("lams") is null ? [] : file.MetadataJson<double[]>("lams");
        for (var i = 0; i < lambdas.Length; i++)
        {
            var soft = file.Read($"soft_{i}/target", type);
            Check($"soft_{i}", "logits", logits => CrossEntropy.SumSoft(logits, soft).div(logits.shape[0]));
            CheckMixup(file, report, i, lambdas[i], smoothing);
        }
        foreach (var name in file.Below("tet_").Where(rest => rest.EndsWith("/loss", StringComparison.Ordinal)).Select(rest => "tet_" + rest[..^"/loss".Length]))
        {
            var settings = file.MetadataJson<Tet>(name);
            Check(name, "tet_logits", logits_TBK =>
            {
                var targets = target.repeat(logits_TBK.shape[0]);
                return TemporalEfficient.Sum(logits_TBK, flat => CrossEntropy.Sum(flat, targets), settings.Means, settings.Lamb).div(logits_TBK.shape[1]);
            });
        }

        void Check(string name, string logitsName, Func<Tensor, Tensor> loss)
        {
            if (!file.Contains(name + "/loss")) return;
            var tolerances = Tolerances.For(type);
            var logits = file.Read(logitsName, type).requires_grad_();
            var value = loss(logits);
            value.backward();
            Comparison.Compare(report.Group("losses"), name + "/loss", value, file.Read(name + "/loss"), tolerances.ForValue);
            Comparison.Compare(report.Group("loss gradients"), name + "/grad", logits.grad!, file.Read(name + "/grad"), largest => tolerances.ForGradient(largest, largest));
        }
    }

    /// <summary>What the data room prepares: bytes mixed in F32, and targets in F32 whatever the type of the network.</summary>
    private static void CheckMixup(GoldenFile file, CheckReport report, int index, double lambda, double smoothing)
    {
        var labels = file.Read("target").data<long>().ToArray();
        var count = labels.Length;
        if (file.Contains($"soft_{index}/target"))
        {
            var expected = file.Read($"soft_{index}/target");
            var classes = (int)expected.shape[1];
            var targets = new float[count * classes];
            for (var p = 0; p < count; p++)
                SoftTargets.Write(targets.AsSpan(p * classes, classes), labels[p], labels[Mixing.PartnerOf(p, count)], lambda, smoothing);
            Comparison.Compare(report.Group("soft targets"), $"soft_{index}/target", tensor(targets).reshape(expected.shape), expected, Tolerances.F32.ForValue);
        }
        var mixed = $"soft_{index}/fast_collate_images_u8";
        if (!file.Contains(mixed)) return;
        var images = file.Read("mixup_images_u8");
        var shape = new ImageShape((int)images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        var bytes = images.data<byte>().ToArray();
        var size = bytes.Length / count;
        var result = new byte[bytes.Length];
        for (var p = 0; p < count; p++)
            Mixing.MixPixels(new Mix(lambda, null), bytes.AsSpan(p * size, size), bytes.AsSpan(Mixing.PartnerOf(p, count) * size, size), result.AsSpan(p * size, size), shape);
        Comparison.CompareExactly(report.Group("mixed images"), mixed, tensor(result).reshape(images.shape), file.Read(mixed));
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Volley.Models.Tests;

/// <summary>Comparisons of tensors that say where and by how much they differ.</summary>
internal static class Near
{
    /// <summary>|a − b| ≤ tolerance · max(1, max|b|), golden/README's rule.</summary>
    public static void Assert(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        using var scope = NewDisposeScope();
        SameShape(expected, actual, what);
        var (e, a) = (expected.detach().to(ScalarType.Float64), actual.detach().to(ScalarType.Float64));
        if (e.numel() == 0) return;
        var worst = (e - a).abs().max().ToDouble();
        var allowed = tolerance * Math.Max(1, e.abs().max().ToDouble());
        Xunit.Assert.True(worst <= allowed, $"{what}: differs by {worst:g4}, allowed {allowed:g4}");
    }

    public static void AssertSame(Tensor expected, Tensor actual, string what = "")
    {
        using var scope = NewDisposeScope();
        SameShape(expected, actual, what);
        var different = expected.detach().to(ScalarType.Float64).ne(actual.detach().to(ScalarType.Float64)).sum().ToInt64();
        Xunit.Assert.True(different == 0, $"{what}: {different} of {expected.numel()} elements differ");
    }

    private static void SameShape(Tensor expected, Tensor actual, string what) =>
        Xunit.Assert.True(expected.shape.SequenceEqual(actual.shape),
            $"{what}: shape [{string.Join(", ", actual.shape)}], expected [{string.Join(", ", expected.shape)}]");
}

using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>The one arithmetic of the checks: largest absolute difference, in double.</summary>
internal static class Comparison
{
    /// <summary>Adds one tensor to a group; another shape is a failure, not a broadcast.</summary>
    /// <param name="allowed">From the largest absolute entry of the reference to the largest allowed difference.</param>
    public static void Compare(CheckGroup group, string name, Tensor actual, Tensor expected, Func<double, double> allowed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (!SameShape(group, name, actual, expected)) return;
        group.Add(name, LargestDifference(actual, expected), allowed(Largest(expected)));
    }

    /// <param name="allowed">Allowed difference per element, in the tensor's shape. Non-negative.</param>
    public static void CompareElements(CheckGroup group, string name, Tensor actual, Tensor expected, Tensor allowed)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (!SameShape(group, name, actual, expected)) return;
        if (expected.NumberOfElements == 0) { group.Add(name, 0, 0); return; }
        var error = (actual.to_type(ScalarType.Float64) - expected.to_type(ScalarType.Float64)).abs();
        var worst = (error / allowed).nan_to_num(double.PositiveInfinity, double.PositiveInfinity).flatten().argmax().item<long>();
        group.Add(name, error.flatten()[worst].item<double>(), allowed.flatten()[worst].item<double>());
    }

    public static void CompareExactly(CheckGroup group, string name, Tensor actual, Tensor expected) =>
        Compare(group, name, actual, expected, _ => 0);

    public static void CompareNames(CheckGroup group, string what, IEnumerable<string> actual, IEnumerable<string> expected)
    {
        var missing = expected.Except(actual).Order(StringComparer.Ordinal).ToArray();
        var surplus = actual.Except(expected).Order(StringComparer.Ordinal).ToArray();
        if (missing.Length == 0 && surplus.Length == 0) group.Add(what, 0, 0);
        if (missing.Length > 0) group.AddFailure($"{what}: the reference has {string.Join(", ", missing)}, the model does not");
        if (surplus.Length > 0) group.AddFailure($"{what}: the model has {string.Join(", ", surplus)}, the reference does not");
    }

    /// <summary>Largest absolute entry; 0 of an empty tensor.</summary>
    public static double Largest(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.NumberOfElements == 0 ? 0 : tensor.to_type(ScalarType.Float64).abs().max().item<double>();
    }

    private static double LargestDifference(Tensor actual, Tensor expected) =>
        expected.NumberOfElements == 0 ? 0 : (actual.to_type(ScalarType.Float64) - expected.to_type(ScalarType.Float64)).abs().max().item<double>();

    private static bool SameShape(CheckGroup group, string name, Tensor actual, Tensor expected)
    {
        if (actual.shape.AsSpan().SequenceEqual(expected.shape)) return true;
        group.AddFailure($"{name}: has shape [{string.Join(",", actual.shape)}], the reference [{string.Join(",", expected.shape)}]");
        return false;
    }
}

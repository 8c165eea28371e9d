using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>How far a result may lie from the reference, per type; the recommendation of the golden files' README, reasons in this room's.</summary>
internal sealed record Tolerances(double Value, double Gradient, bool GradientsAgainstLargest)
{
    public static Tolerances F64 { get; } = new(Value: 1e-10, Gradient: 1e-10, GradientsAgainstLargest: false);

    public static Tolerances F32 { get; } = new(Value: 1e-5, Gradient: 5e-5, GradientsAgainstLargest: true);

    public static Tolerances For(ScalarType type) => type == ScalarType.Float64 ? F64 : F32;

    /// <summary>Largest allowed absolute difference of a tensor whose largest reference entry is <paramref name="largest"/>.</summary>
    public double ForValue(double largest) => Value * Math.Max(1, largest);

    /// <param name="largest">Largest reference entry of this gradient.</param>
    /// <param name="largestOfModel">Largest reference entry over all gradients that belong together.</param>
    public double ForGradient(double largest, double largestOfModel) =>
        GradientsAgainstLargest ? Gradient * largestOfModel : Gradient * Math.Max(1, largest);
}

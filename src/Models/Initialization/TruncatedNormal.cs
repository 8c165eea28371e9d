using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Initialization;

/// <summary>The transformers' initialisation: weights from a normal with standard deviation 0.02, biases zero.</summary>
/// <remarks>
/// timm's trunc_normal_, whose bounds are absolute: ±2 is a hundred standard deviations, so nothing is ever cut and a plain normal is the
/// same. (TorchSharp's own trunc_normal_ gives a deviation of 4e-9 here.) Which layers get it is in
/// golden/reference_tables.md ("Initialisation"): SDT its convolutions, Spikformer and ViT their linear layers; the rest keeps libtorch's default.
/// </remarks>
internal static class TruncatedNormal
{
    public const double Std = 0.02;

    public static void OnLinearLayers(Module module)
    {
        foreach (var linear in module.modules().OfType<Linear>()) Apply(linear.weight, linear.bias);
    }

    public static void OnConvolutions(Module module)
    {
        foreach (var convolution in module.modules().OfType<Conv2d>()) Apply(convolution.weight, convolution.bias);
    }

    public static void Fill(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        tensor.normal_(0, Std);
    }

    private static void Apply(Tensor? weight, Tensor? bias)
    {
        Fill(weight!);
        if (bias is null) return;
        using var _ = no_grad();
        bias.zero_();
    }
}

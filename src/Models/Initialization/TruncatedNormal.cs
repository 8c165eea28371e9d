using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Initialization;

/// <summary>The transformers' initialisation: weights from a normal with standard deviation 0.02 cut off at ±2, biases zero.</summary>
/// <remarks>
/// timm's trunc_normal_, whose bounds are absolute: at ±2 nothing is cut in practice. Which layers get it is in
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
        init.trunc_normal_(tensor, 0, Std, -2, 2);
    }

    private static void Apply(Tensor? weight, Tensor? bias)
    {
        Fill(weight!);
        if (bias is null) return;
        using var _ = no_grad();
        bias.zero_();
    }
}

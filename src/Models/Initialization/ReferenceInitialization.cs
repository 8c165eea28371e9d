using static TorchSharp.torch;

namespace Volley.Models.Initialization;

/// <summary>Starting weights as each reference draws them (golden/reference_tables.md, "Initialisation"). Uses torch's global generator.</summary>
internal static class ReferenceInitialization
{
    // timm draws the class token with this deviation.
    private const double ClassTokenStd = 1e-6;

    public static void Apply(VisionTransformer.VisionTransformer model)
    {
        TruncatedNormal.OnLinearLayers(model);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (name == "pos_embed") TruncatedNormal.Fill(parameter);
            else if (name == "cls_token") parameter.normal_(0, ClassTokenStd);
        }
    }
}

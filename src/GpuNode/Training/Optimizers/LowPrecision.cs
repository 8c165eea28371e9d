using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>
/// Converts a model to a narrow type, as autocast would run it: matrix products and what follows in bf16, norm layers with their
/// parameters and statistics in fp32. TorchSharp has no autocast; libtorch's batch and layer norm take bf16 input with fp32 parameters.
/// </summary>
internal static class LowPrecision
{
    public static void Convert(nn.Module model, ScalarType type)
    {
        using var _ = no_grad();
        // Rounding a norm's numbers to bf16 and back would lose them.
        var norms = model.named_modules().Where(m => m.module is NormBase or LayerNorm).ToArray();
        using var scope = NewDisposeScope();
        var kept = norms.Select(n => n.module.state_dict().ToDictionary(item => item.Key, item => item.Value.clone())).ToArray();
        model.to(type);
        for (var i = 0; i < norms.Length; i++)
        {
            norms[i].module.to(ScalarType.Float32);
            foreach (var (name, tensor) in norms[i].module.state_dict()) tensor.copy_(kept[i][name]);
        }
        foreach (var parameter in model.parameters()) parameter.DetachFromDisposeScope();
        foreach (var buffer in model.buffers()) buffer.DetachFromDisposeScope();
    }
}

using Volley.GpuNode.Data;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Where forward and backward run, and in which type.</summary>
public sealed record ComputePlace(Device Device, ScalarType Type);

/// <summary>A batch's arrays as tensors. On the CPU they share the arrays' memory: valid until the next batch is taken.</summary>
internal static class BatchUpload
{
    /// <returns>[count, C, H, W] in the compute type.</returns>
    public static Tensor Pixels(ImageBatch batch, ModelInput input, int first, int count, ComputePlace place)
    {
        var perImage = (long)input.Channels * input.Height * input.Width;
        var host = frombuffer(batch.Pixels, ScalarType.Float32, count * perImage, first * perImage).view(count, input.Channels, input.Height, input.Width);
        return host.to(place.Type, place.Device);
    }

    /// <returns>[count] class indices.</returns>
    public static Tensor Labels(ImageBatch batch, int first, int count, Device device) =>
        frombuffer(batch.Labels, ScalarType.Int64, count, first).to(device);

    /// <returns>[count, K], f32, or null where labels are class indices.</returns>
    public static Tensor? Targets(ImageBatch batch, ModelInput input, int first, int count, Device device) =>
        batch.Targets is null ? null
        : frombuffer(batch.Targets, ScalarType.Float32, (long)count * input.Classes, (long)first * input.Classes).view(count, input.Classes).to(device);
}

using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>From an image to T inputs.</summary>
/// <remarks>
/// <c>direct</c>: the image itself at each time step (both papers), returned once. <c>poisson</c>: a pixel spikes at each time step with probability p (rate coding).
/// <c>latency</c>: a pixel spikes once, the brighter the earlier, at step round((1 − p)(T − 1)). p is the pixel's place between the least and the greatest value of
/// its own image: images come normalised, so their range is not known otherwise. Poisson draws from torch's generator in training (re-seeded per step and shard) and
/// from a fixed seed in evaluation, so that evaluating twice gives the same numbers. Spikes carry no gradient to the image.
/// </remarks>
internal sealed class InputEncoder(string name, int timeSteps)
{
    private const ulong EvaluationSeed = 20230417;

    /// <summary>One input stands for all time steps.</summary>
    public bool IsRepeated => name == "direct";

    /// <param name="x_BCHW">Borrowed.</param>
    /// <returns>[B, C, H, W] where <see cref="IsRepeated"/>, else [T·B, C, H, W], time major. Owned by the caller.</returns>
    public Tensor Encode(Tensor x_BCHW, bool isTraining)
    {
        if (IsRepeated) return x_BCHW.alias();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var p_BCHW = Intensity(x_BCHW);
        var spikes_TBCHW = name == "latency" ? Latency(p_BCHW) : Poisson(p_BCHW, isTraining);
        return spikes_TBCHW.flatten(0, 1).MoveToOuterDisposeScope();
    }

    private static Tensor Intensity(Tensor x_BCHW)
    {
        var (low, high) = (x_BCHW.amin([1, 2, 3], keepdim: true), x_BCHW.amax([1, 2, 3], keepdim: true));
        // A flat image has no range: every pixel is at its bottom.
        var range = high - low;
        return (x_BCHW - low) / where(range > 0, range, ones_like(range));
    }

    private Tensor Poisson(Tensor p_BCHW, bool isTraining)
    {
        long[] shape = [timeSteps, .. p_BCHW.shape];
        if (isTraining) return rand(shape, dtype: p_BCHW.dtype, device: p_BCHW.device).lt(p_BCHW).to_type(p_BCHW.dtype);
        using var generator = new Generator(EvaluationSeed, p_BCHW.device);
        return rand(shape, dtype: p_BCHW.dtype, device: p_BCHW.device, generator: generator).lt(p_BCHW).to_type(p_BCHW.dtype);
    }

    private Tensor Latency(Tensor p_BCHW)
    {
        var when = (1 - p_BCHW).mul(timeSteps - 1).round();
        var t = arange(timeSteps, dtype: p_BCHW.dtype, device: p_BCHW.device).view(timeSteps, 1, 1, 1, 1);
        return when.unsqueeze(0).eq(t).to_type(p_BCHW.dtype);
    }
}

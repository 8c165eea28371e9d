using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>The running sums of an epoch. They stay on the device; reading them is a transfer, so it is done now and then, not per step.</summary>
internal sealed class EpochTally(Device device) : IDisposable
{
    private readonly Tensor _sums = zeros(2, dtype: ScalarType.Float64, device: device).DetachFromDisposeScope();

    // What a step's numbers are multiplied by; kept, because every new one is a transfer, and almost all steps have as many images.
    private Tensor? _weights;
    private int _weightsFor;

    public long Images { get; private set; }

    /// <param name="step">[2], f64: mean loss over the step's images, images classified right.</param>
    public void Add(Tensor step, int images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _sums.add_(step * Weights(images));
        Images += images;
    }

    /// <returns>Sum of the losses of all images, and images classified right.</returns>
    public (double LossSum, double Hits) Read()
    {
        using var scope = NewDisposeScope();
        var numbers = _sums.cpu().data<double>();
        return (numbers[0], numbers[1]);
    }

    public void Set(double lossSum, double hits, long images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _sums.copy_(tensor(new[] { lossSum, hits }));
        Images = images;
    }

    public void Dispose()
    {
        _sums.Dispose();
        _weights?.Dispose();
    }

    private Tensor Weights(int images)
    {
        if (_weights is not null && _weightsFor == images) return _weights;
        _weights?.Dispose();
        _weightsFor = images;
        return _weights = tensor(new[] { (double)images, 1.0 }, device: device).DetachFromDisposeScope();
    }
}

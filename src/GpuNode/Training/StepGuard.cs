using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Refuses steps whose loss or gradient is not finite, and remembers the last losses for the message.</summary>
/// <remarks>
/// On the CPU every step is checked before its update. On a GPU reading a number makes the host wait, so numbers stay there and are
/// read together every <see cref="Capacity"/> steps and before anything is saved or reported: no checkpoint, epoch or result ever
/// holds what came of such a step.
/// </remarks>
internal sealed class StepGuard(Device device) : IDisposable
{
    /// <summary>Steps whose numbers wait on the device; their reading costs one transfer.</summary>
    public const int Capacity = 64;

    private const int Remembered = 5;
    private readonly Tensor _pending = zeros(Capacity, 2, dtype: ScalarType.Float64, device: device).DetachFromDisposeScope();
    private readonly List<(long Step, int Epoch, double LearningRate)> _positions = [];
    private readonly Queue<double> _losses = new();

    /// <param name="loss">Scalar on the device, f64. Borrowed.</param>
    /// <param name="gradientNorm">Likewise, before clipping.</param>
    public void Record(long step, int epoch, double learningRate, Tensor loss, Tensor gradientNorm)
    {
        using (NewDisposeScope())
        using (no_grad())
            _pending[_positions.Count].copy_(stack([loss, gradientNorm.to(ScalarType.Float64)]));
        _positions.Add((step, epoch, learningRate));
        if (device.type == TorchSharp.DeviceType.CPU || _positions.Count == Capacity) Check();
    }

    /// <exception cref="NonFiniteStepException">The first step since the last check that was not finite.</exception>
    public void Check()
    {
        if (_positions.Count == 0) return;
        using var scope = NewDisposeScope();
        var numbers = _pending.cpu().data<double>().ToArray();
        for (var i = 0; i < _positions.Count; i++)
        {
            var (step, epoch, learningRate) = _positions[i];
            if (!double.IsFinite(numbers[2 * i])) throw new NonFiniteStepException(step, epoch, learningRate, "loss", [.. _losses]);
            if (!double.IsFinite(numbers[2 * i + 1])) throw new NonFiniteStepException(step, epoch, learningRate, "gradient", [.. _losses, numbers[2 * i]]);
            _losses.Enqueue(numbers[2 * i]);
            if (_losses.Count > Remembered) _losses.Dequeue();
        }
        _positions.Clear();
    }

    public void Dispose() => _pending.Dispose();
}

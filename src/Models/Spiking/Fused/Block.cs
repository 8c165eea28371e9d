using System.Buffers;
using System.Numerics;

namespace Volley.Models.Spiking.Fused;

/// <summary>The same few neurons at all time steps of one tensor, in whole vectors: the tensor's own memory, or a padded copy where a tensor's end fills no vector.</summary>
internal readonly unsafe struct Block<T> : IDisposable where T : unmanaged, INumber<T>
{
    private readonly T* _tensor, _rows;
    private readonly long _tensorStride, _stride;
    private readonly int _timeSteps;
    private readonly T[]? _copy;
    private readonly MemoryHandle _pin;

    private Block(T* tensor, long stride, int timeSteps, int used)
    {
        _tensor = _rows = tensor;
        _tensorStride = _stride = stride;
        _timeSteps = timeSteps;
        Used = used;
        Length = (used + Lanes<T>.Count - 1) / Lanes<T>.Count * Lanes<T>.Count;
        if (Length == used) return;
        _copy = new T[(stride == 0 ? 1 : timeSteps) * Length];
        _pin = new Memory<T>(_copy).Pin();
        _rows = (T*)_pin.Pointer;
        _stride = stride == 0 ? 0 : Length;
    }

    /// <summary>Elements of a time step: whole vectors, zeros beyond <see cref="Used"/>.</summary>
    public int Length { get; }

    /// <summary>Elements of a time step that belong to the tensor.</summary>
    public int Used { get; }

    /// <param name="tensor">First of the neurons at the first time step.</param>
    /// <param name="stride">From one time step to the next; 0 where all are the same.</param>
    /// <param name="isRead">Values matter; else they are written, and <see cref="WriteBack"/> follows.</param>
    public static Block<T> Of(T* tensor, long stride, int timeSteps, int used, bool isRead)
    {
        var block = new Block<T>(tensor, stride, timeSteps, used);
        if (isRead) block.Copy(fromTensor: true);
        return block;
    }

    public T* At(int timeStep) => _rows + timeStep * _stride;

    public void WriteBack() => Copy(fromTensor: false);

    public void Dispose() => _pin.Dispose();

    private void Copy(bool fromTensor)
    {
        if (_copy is null) return;
        for (var t = 0; t < (_stride == 0 ? 1 : _timeSteps); t++)
        {
            var mine = new Span<T>(_rows + t * _stride, Used);
            var theirs = new Span<T>(_tensor + t * _tensorStride, Used);
            if (fromTensor) theirs.CopyTo(mine);
            else mine.CopyTo(theirs);
        }
    }
}

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>Memory that grows to the largest use and is kept: touching fresh memory is 15 times slower than touching kept memory.</summary>
internal sealed class Staging : IDisposable
{
    private AlignedMemory? _memory;

    /// <summary>At least so much; what lay there is gone when it has to grow.</summary>
    public nint Take(long bytes)
    {
        if (_memory is null || _memory.Bytes < bytes)
        {
            _memory?.Dispose();
            _memory = new AlignedMemory(bytes);
        }
        return _memory.Address;
    }

    public void Dispose() => _memory?.Dispose();
}

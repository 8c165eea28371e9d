namespace Volley.GpuNode.Collectives;

/// <summary>What the ranks of a <see cref="MemoryCollective"/> share: who is where, and what each lays out for the others.</summary>
internal sealed class MemoryGroup(ShardAssignment shards)
{
    private readonly object _gate = new();   // Monitor's wait and pulse: System.Threading.Lock has none
    private readonly long[] _arrived = new long[shards.WorldSize];
    private readonly bool[] _left = new bool[shards.WorldSize];
    private string? _abort;

    /// <summary>By position: what a rank lays out before a meeting and all read after it.</summary>
    public Laid[] Laid { get; } = new Laid[shards.WorldSize];

    public ShardAssignment Shards => shards;

    /// <summary>Returns when every rank has come as often as this one.</summary>
    /// <exception cref="GroupEndedException">One has left, or somebody aborted.</exception>
    public void Meet(int position)
    {
        lock (_gate)
        {
            var meeting = ++_arrived[position];
            Monitor.PulseAll(_gate);
            while (_arrived.Min() < meeting)
            {
                if (_abort is not null) throw new GroupEndedException([], _abort);
                var gone = Enumerable.Range(0, shards.WorldSize).Where(p => _left[p] && _arrived[p] < meeting).ToArray();
                if (gone.Length > 0) throw new GroupEndedException(gone, "it has left.");
                Monitor.Wait(_gate);
            }
        }
    }

    public void Abort(string reason)
    {
        lock (_gate)
        {
            _abort ??= reason;
            Monitor.PulseAll(_gate);
        }
    }

    public void Leave(int position)
    {
        lock (_gate)
        {
            _left[position] = true;
            Monitor.PulseAll(_gate);
        }
    }
}

/// <summary>Copies, so that a rank that fails may free its memory while others still read.</summary>
/// <param name="Buffers">Contents of the operation's buffers.</param>
/// <param name="Sum">The chunk that the rank has summed.</param>
internal sealed record Laid(Operation Operation, byte[][] Buffers, byte[] Sum);

/// <summary>A meeting that cannot take place any more.</summary>
internal sealed class GroupEndedException(IReadOnlyList<int> silentPeers, string reason) : Exception(reason)
{
    public IReadOnlyList<int> SilentPeers => silentPeers;
}

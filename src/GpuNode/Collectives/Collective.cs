using System.Collections.Immutable;

namespace Volley.GpuNode.Collectives;

/// <summary>
/// What all transports share: arguments checked, operations numbered and queued, the first failure kept. A transport moves bytes in
/// <see cref="Execute"/>, on one thread at a time.
/// </summary>
internal abstract class Collective : ICollective
{
    private const int Alignment = 64;

    private readonly OperationQueue _queue;
    private readonly int _ownPieces;
    private long _begun;
    private bool _isDisposed;

    protected Collective(int position, ShardAssignment shards, string transport)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, shards.WorldSize);
        (Position, Shards, Transport) = (position, shards, transport);
        _ownPieces = shards.PiecesOf(position).Length;
        _queue = new OperationQueue($"exchange {transport}", Execute, OnFailure);
    }

    public int Position { get; }

    public int WorldSize => Shards.WorldSize;

    public ShardAssignment Shards { get; }

    public string Transport { get; }

    public ICollectiveWork AllReduce(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) =>
        BeginSum(OperationKind.AllReduce, pieces, count, type, wire, name);

    public ICollectiveWork ReduceScatter(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) =>
        BeginSum(OperationKind.ReduceScatter, pieces, count, type, wire, name);

    public ICollectiveWork AllGather(nint buffer, long count, ElementType type, OperationName name) =>
        Begin(OperationKind.AllGather, [buffer], count, type, WireType.Same, root: -1, name);

    public ICollectiveWork Broadcast(nint buffer, long bytes, int root, OperationName name)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, WorldSize);
        return Begin(OperationKind.Broadcast, [buffer], bytes, ElementType.Float32, WireType.Same, root, name);
    }

    public ICollectiveWork Barrier(OperationName name) => Begin(OperationKind.Barrier, [], 0, ElementType.Float32, WireType.Same, root: -1, name);

    public void Abort(string reason) => Fail([], reason);

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _queue.Close(operation => new PeerLostException(Position, WorldSize, [], operation.ToString(), "it was closed while this was under way."));
        DisposeTransport();
        GC.SuppressFinalize(this);
    }

    /// <summary>All of an operation, on one thread at a time, in order. Throws where the group is over; that failure is final.</summary>
    protected abstract void Execute(Operation operation);

    /// <summary>
    /// The part of an operation that waits for nobody: called when the operation is begun and nothing else is under way, before its
    /// <see cref="Execute"/>, which must find out whether it was done.
    /// </summary>
    /// <returns>True: done, and the peers need nothing else of this rank, so <see cref="Execute"/> may come as late as the caller waits.</returns>
    protected virtual bool TryPublish(Operation operation) => false;

    /// <summary>Once, on any thread: tells the peers, and makes an <see cref="Execute"/> under way throw at once.</summary>
    protected abstract void OnFailure(Exception failure);

    /// <summary>Once, when no operation is under way any more.</summary>
    protected abstract void DisposeTransport();

    /// <summary>The failure that ended the group, if it has ended.</summary>
    protected Exception? Failure => _queue.Failure;

    /// <summary>Ends the group for this rank, unless it has ended. Any thread.</summary>
    /// <returns>What every operation fails with.</returns>
    protected Exception Fail(IReadOnlyList<int> silentPeers, string reason) =>
        _queue.Failure ?? _queue.Fail(new PeerLostException(Position, WorldSize, silentPeers, _queue.Current?.ToString() ?? "between operations", reason));

    private ICollectiveWork BeginSum(OperationKind kind, ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name)
    {
        if (pieces.Length != _ownPieces)
            throw new ArgumentException($"{Operation.Word(kind)} of {name}: {pieces.Length} buffers given; rank {Position} of {WorldSize} has {_ownPieces} pieces of {Shards.Shards} shards.");
        if (wire == WireType.BFloat16 && type != ElementType.Float32)
            throw new ArgumentException($"{Operation.Word(kind)} of {name}: {type} cannot travel as {wire}; only {ElementType.Float32} can.");
        return Begin(kind, [.. pieces], count, type, wire, root: -1, name);
    }

    private ICollectiveWork Begin(OperationKind kind, ImmutableArray<nint> buffers, long count, ElementType type, WireType wire, int root, OperationName name)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        foreach (var buffer in buffers)
            if (buffer % Alignment != 0) throw new ArgumentException($"{Operation.Word(kind)} of {name}: the buffer at {buffer:x} does not begin at a multiple of {Alignment} bytes.");
        return _queue.Begin(new Operation(kind, _begun++, name, buffers, count, type, wire, root), TryPublish);
    }
}

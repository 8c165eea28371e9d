namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>The operations over TCP, one at a time, on the caller's thread: which algorithm runs for what.</summary>
internal sealed class TcpExchange : IDisposable
{
    // Up to here the second message that LargeSum needs (20–30 µs) costs more than the bytes it saves (10 µs at 3 GB/s).
    private const long SmallBytes = 32 * 1024;

    private readonly ReductionKernel _kernel;
    private readonly SmallSum _small;
    private readonly LargeSum _large;
    private readonly Moves _moves;
    private readonly Pump _pump;
    private (long Sequence, Flow[] Flows)? _published;

    public TcpExchange(TcpGroup group)
    {
        _kernel = new ReductionKernel(SumTree.Of(group.Shards));
        (_small, _large, _moves, _pump) = (new SmallSum(group, _kernel), new LargeSum(group, _kernel), new Moves(group), new Pump(group.Mesh));
    }

    /// <summary>Sends what waits for nobody.</summary>
    /// <returns>Whether this rank has nothing more to send.</returns>
    public bool TryPublish(Operation operation)
    {
        if (!IsSmall(operation)) return false;
        var flows = _small.Publish(operation);
        _published = (operation.Sequence, flows);
        return _pump.TryRun(flows);
    }

    /// <exception cref="GroupEndedException">A peer is lost, or has ended the group; positions are the mesh's.</exception>
    /// <exception cref="InvalidOperationException">The ranks did not begin the same operation.</exception>
    public void Execute(Operation operation)
    {
        if (IsSmall(operation))
        {
            var flows = _published is { } published && published.Sequence == operation.Sequence ? published.Flows : _small.Publish(operation);
            _published = null;
            _small.Finish(operation, flows, _pump);
        }
        else if (operation.Kind is OperationKind.AllReduce or OperationKind.ReduceScatter)
        {
            _large.Run(operation, _pump);
        }
        else
        {
            _moves.Run(operation, _pump);
        }
    }

    /// <summary>Done when every rank has begun the same operation; moves no data.</summary>
    /// <inheritdoc cref="Execute"/>
    public void Compare(Operation operation)
    {
        var bare = operation with { Buffers = [] };
        _small.Finish(bare, _small.Publish(bare), _pump);
    }

    public void Dispose()
    {
        _small.Dispose();
        _large.Dispose();
        _moves.Dispose();
        _kernel.Dispose();
    }

    private static bool IsSmall(Operation operation) =>
        operation.Kind == OperationKind.Barrier || (operation.Kind is OperationKind.AllReduce or OperationKind.ReduceScatter && operation.Count * operation.WireBytes <= SmallBytes);
}

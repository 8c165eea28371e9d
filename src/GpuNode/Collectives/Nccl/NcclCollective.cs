using System.Diagnostics;
using Volley.GpuNode.Collectives.Tcp;
using Volley.GpuNode.Collectives.Transport;
using Volley.Shared;

namespace Volley.GpuNode.Collectives.Nccl;

/// <summary>
/// Ranks with a GPU each, over NCCL. Addresses are device memory. The group meets, checks itself and watches its peers over TCP as every
/// other one does; NCCL itself notices a dead peer late or never, so its communicator is aborted when the watch sees one go.
/// </summary>
/// <remarks>
/// <b>The sum is not the canonical one</b>: NCCL adds in an order of its own, which depends on the number of ranks, the topology and its
/// release. Each rank therefore counts as one shard here (<see cref="ICollective.Shards"/>): it adds its own shards into one buffer first.
/// What writes the buffers must be on the stream before an operation begins. What lies in memory
/// is what travels: <see cref="WireType.BFloat16"/> rounds nothing here.
/// </remarks>
internal sealed unsafe class NcclCollective : Collective
{
    // A collective on the device takes tens of microseconds at least; between two looks this thread may do nothing for about as long.
    private const int LooksBeforeSleep = 200;

    private readonly PeerMesh _mesh;
    private readonly TcpExchange _exchange;
    private readonly NcclLibrary _nccl;
    private readonly CudaDriver _cuda;
    private readonly nint _context;
    private readonly nint _stream;
    private readonly object _gate = new();   // Monitor's timed wait: System.Threading.Lock has none
    private nint _communicator;

    private NcclCollective(PeerMesh mesh, NcclLibrary nccl, CudaDriver cuda, nint stream)
        : base(mesh.Position, ShardAssignment.Even(mesh.Group.WorldSize, mesh.Group.WorldSize), "nccl")
    {
        (_mesh, _nccl, _cuda, _stream) = (mesh, nccl, cuda, stream);
        _context = cuda.Context;
        _exchange = new TcpExchange(new TcpGroup(mesh, [.. Enumerable.Range(0, WorldSize)], Position, Shards));
        mesh.Start(end => { if (!end.IsMismatch) Fail(end.Lost, end.Reason); });
    }

    /// <summary>Blocks until every pair is connected and NCCL has made its communicator. On a thread whose current device is the rank's.</summary>
    /// <param name="stream">A CUDA stream; 0: the default one.</param>
    /// <inheritdoc cref="PeerMesh.Form"/>
    public static NcclCollective Connect(GroupDescription group, int position, GroupListener listener, nint stream, NcclLibrary nccl, CudaDriver cuda, GroupTimeouts? timeouts = null, CancellationToken cancel = default)
    {
        var collective = new NcclCollective(PeerMesh.Form(group, position, listener, timeouts, cancel: cancel), nccl, cuda, stream);
        try
        {
            collective.CreateCommunicator();
            return collective;
        }
        catch (GroupEndedException end)
        {
            var failure = collective.Fail(end.SilentPeers, end.Message);
            collective.Dispose();
            throw failure;
        }
        catch (Exception error)
        {
            collective.Abort(error.Message);
            collective.Dispose();
            throw;
        }
    }

    protected override void Execute(Operation operation)
    {
        try
        {
            // NCCL would wait for ever, or write past a buffer, where ranks do not begin the same.
            _exchange.Compare(operation);
            if (operation.Kind == OperationKind.Barrier) return;
            _cuda.Context = _context;
            Call(() => Begin(operation));
            Await(operation.ToString(), () => _cuda.IsDone(_stream), _mesh.Timeouts.Operation);
        }
        catch (GroupEndedException end)
        {
            throw Fail(end.SilentPeers, end.Message);
        }
        catch (NcclException error)
        {
            throw LossOf(error.Message);
        }
    }

    protected override void OnFailure(Exception failure)
    {
        _mesh.Tell(GroupEnd.Of(failure, Position));
        AbortCommunicator();
    }

    protected override void DisposeTransport()
    {
        try
        {
            if (_communicator != 0) Finish();
        }
        catch (Exception error) when (error is NcclException or GroupEndedException)
        {
            AbortCommunicator();
        }
        _mesh.Dispose();
        _exchange.Dispose();
    }

    private void CreateCommunicator()
    {
        using var introduction = new AlignedMemory(sizeof(Introduction));
        var letter = (Introduction*)introduction.Address;
        if (Position == 0) *letter = new Introduction { Version = _nccl.Version, Id = _nccl.NewId() };
        _exchange.Execute(new Operation(OperationKind.Broadcast, Sequence: -1, new OperationName("NCCL id"), [introduction.Address], introduction.Bytes, ElementType.Float32, WireType.Same, Root: 0));
        if (letter->Version != _nccl.Version)
            throw new UserErrorException($"Rank 0 has NCCL {letter->Version}, rank {Position} has {_nccl.Version}. All ranks of a trial need the same release.");
        try
        {
            Call(() => _communicator = _nccl.BeginCommunicator(letter->Id, WorldSize, Position));
            Await("forming the NCCL communicator", () => true, _mesh.Timeouts.Form);
        }
        catch (NcclException error)
        {
            throw LossOf(error.Message);
        }
    }

    private void Begin(Operation operation)
    {
        var (buffer, type) = (operation.Buffers[0], operation.Type == ElementType.Float32 ? NcclType.Float32 : NcclType.Float64);
        var (start, chunk) = Chunks.Of(operation.Count, WorldSize, Position, operation.ElementBytes);
        var own = buffer + (nint)(start * operation.ElementBytes);
        // NCCL knows only equal chunks.
        var isEven = chunk * WorldSize == operation.Count;
        switch (operation.Kind)
        {
            case OperationKind.AllReduce:
                _nccl.AllReduce(buffer, operation.Count, type, _communicator, _stream);
                break;
            case OperationKind.ReduceScatter when isEven:
                _nccl.ReduceScatter(buffer, own, chunk, type, _communicator, _stream);
                break;
            case OperationKind.ReduceScatter:
                _nccl.AllReduce(buffer, operation.Count, type, _communicator, _stream);
                break;
            case OperationKind.AllGather when isEven:
                _nccl.AllGather(own, buffer, chunk, type, _communicator, _stream);
                break;
            case OperationKind.AllGather:
                _nccl.StartGroup();
                for (var peer = 0; peer < WorldSize; peer++)
                {
                    var (first, length) = Chunks.Of(operation.Count, WorldSize, peer, operation.ElementBytes);
                    if (length > 0) _nccl.Broadcast(buffer + (nint)(first * operation.ElementBytes), length, type, peer, _communicator, _stream);
                }
                _nccl.EndGroup();
                break;
            case OperationKind.Broadcast:
                _nccl.Broadcast(buffer, operation.Count, NcclType.Uint8, operation.Root, _communicator, _stream);
                break;
            default:
                throw new UnreachableException($"{operation}");
        }
    }

    /// <summary>Not while the communicator is being aborted, and not after.</summary>
    private void Call(Action call)
    {
        lock (_gate)
        {
            if (Failure is { } failure) throw failure;
            call();
        }
    }

    // The communicator does not block: it is asked how it goes, so that a lost peer can end the wait.
    private void Await(string what, Func<bool> isDone, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        for (var look = 0; ; look++)
        {
            lock (_gate)
            {
                if (_mesh.End is { } end) throw end.ToException();
                if (Failure is { } failure) throw failure;
                var state = _nccl.AsyncError(_communicator);
                if (state is not (NcclResult.Success or NcclResult.InProgress)) throw new NcclException($"{what}: NCCL reports status {(int)state}: {_nccl.Say(state)}");
                if (state == NcclResult.Success && isDone()) return;
                if (Stopwatch.GetElapsedTime(start) > limit) throw new GroupEndedException([], $"{what} did not end within {limit.TotalSeconds:0} s, though every rank lives.");
                if (look > LooksBeforeSleep) Monitor.Wait(_gate, millisecondsTimeout: 1);
            }
            Thread.Yield();
        }
    }

    // NCCL says that something broke; who is gone the watch knows, a moment later.
    private Exception LossOf(string reason)
    {
        SpinWait.SpinUntil(() => _mesh.End is not null, _mesh.Timeouts.Verdict);
        return _mesh.End is { } end ? Fail(end.Lost, end.Reason) : Fail([], reason);
    }

    private void AbortCommunicator()
    {
        lock (_gate)
        {
            if (_communicator != 0) _nccl.Abort(_communicator);
            _communicator = 0;
            Monitor.PulseAll(_gate);
        }
    }

    private void Finish()
    {
        Call(() => _nccl.BeginFinalize(_communicator));
        Await("leaving the NCCL communicator", () => true, _mesh.Timeouts.Silence);
        _nccl.Destroy(_communicator);
        _communicator = 0;
    }

    /// <summary>What rank 0 tells the others before NCCL begins.</summary>
    private struct Introduction
    {
        public int Version;
        public NcclId Id;
    }
}

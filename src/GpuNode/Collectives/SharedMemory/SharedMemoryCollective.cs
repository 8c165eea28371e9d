using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>
/// Exchanges between processes of one machine through one mapped segment (README). Small operations: every rank lays out its part, reads
/// all parts and adds them by itself, in the same order, hence with the same bits. Others, segment by segment: every rank lays out what the
/// chunks' owners need (put), adds up its own chunk (sum), and fetches the other chunks' sums (take), three segments under way at once.
/// </summary>
internal sealed unsafe class SharedMemoryCollective : Collective
{
    // What is summed is copied on while it is still in the first-level cache.
    private const int HotBytes = 8 * 1024;

    private readonly SharedSegment _segment;
    private readonly SharedMemorySettings _settings;
    private readonly SegmentLayout _layout;
    private readonly Waiter _waiter;
    private readonly ReductionKernel _kernel;
    private readonly (int Position, int Piece)[] _leaves;
    private readonly nint[] _leafAddresses;
    private readonly AlignedMemory _roundedSum;
    private readonly Thread _watch;
    private readonly object _watchGate = new();   // Monitor's timed wait: System.Threading.Lock has none
    private readonly Lock _endGate = new();
    private long _segments;
    private long _published = -1;
    private long _operationStart;
    private bool _isClosing;
    private bool _isUnmapped;

    private SharedMemoryCollective(SharedSegment segment, int position, ShardAssignment shards, SharedMemorySettings settings) : base(position, shards, "shm")
    {
        (_segment, _settings, _layout) = (segment, settings, segment.Layout);
        _kernel = new ReductionKernel(SumTree.Of(shards));
        _leaves = [.. Enumerable.Range(0, shards.WorldSize).SelectMany(p => shards.PiecesOf(p).Select((_, index) => (p, index)))];
        _leafAddresses = new nint[_leaves.Length];
        _roundedSum = new AlignedMemory(settings.SmallBytes);
        _waiter = new Waiter(segment, position, ThrowIfHopeless);
        _watch = new Thread(Watch) { IsBackground = true, Name = "group heartbeat" };
        _watch.Start();
    }

    /// <summary>Returns when every rank has mapped the segment.</summary>
    /// <param name="channel">Letters and digits: collectives of the same group are told apart by it.</param>
    /// <param name="shards">Other than dealt evenly; equal on every rank.</param>
    /// <exception cref="PeerLostException">Not all ranks came in time.</exception>
    /// <exception cref="Volley.Shared.UserErrorException">No memory for it, or a peer means another group.</exception>
    public static SharedMemoryCollective Open(GroupDescription group, int position, string channel, SharedMemorySettings? settings = null, ShardAssignment? shards = null, CancellationToken cancel = default)
    {
        settings ??= SharedMemorySettings.Default;
        shards ??= ShardAssignment.Even(group.Shards, group.WorldSize);
        var segment = SharedSegment.Form(group, position, channel, new SegmentLayout(shards, settings), settings, cancel);
        return new SharedMemoryCollective(segment, position, shards, settings);
    }

    protected override bool TryPublish(Operation operation)
    {
        if (!IsSmall(operation) || !_waiter.IsReached(Counter.Ended, operation.Sequence - SegmentLayout.Ahead + 1)) return false;
        PublishSmall(operation);
        return true;
    }

    protected override void Execute(Operation operation)
    {
        _operationStart = Stopwatch.GetTimestamp();
        if (operation.Sequence != _published)
        {
            // Nobody may still read what the slot and the signature held before.
            _waiter.AwaitAll(Counter.Ended, operation.Sequence - SegmentLayout.Ahead + 1);
            if (IsSmall(operation)) PublishSmall(operation);
        }
        if (WorldSize > 1 || operation.Wire != WireType.Same) Exchange(operation);   // one rank's only piece is the sum
        _waiter.Raise(Counter.Ended, operation.Sequence + 1);
    }

    protected override void OnFailure(Exception failure)
    {
        lock (_endGate)
        {
            if (_isUnmapped) return;
            var own = _segment.Words(Position);
            own.AbortReason = $"rank {Position} ended the group: {failure.Message}";
            foreach (var silent in failure is PeerLostException lost ? lost.SilentPeers : []) own.SilentBits[silent / 8] |= (byte)(1 << (silent % 8));
            Interlocked.CompareExchange(ref _segment.EndedBy, Position + 1, 0);
            _waiter.RingAll();
        }
    }

    protected override void DisposeTransport()
    {
        lock (_watchGate)
        {
            _isClosing = true;
            Monitor.PulseAll(_watchGate);
        }
        _watch.Join();
        lock (_endGate)
        {
            Volatile.Write(ref _segment.Words(Position).State, (int)RankState.Left);
            _waiter.RingAll();
            _isUnmapped = true;
            _segment.Dispose();
        }
        _kernel.Dispose();
        _roundedSum.Dispose();
    }

    private bool IsSmall(Operation operation) => _layout.IsSmall(operation.Count * operation.WireBytes);

    private void Exchange(Operation operation)
    {
        if (IsSmall(operation)) FinishSmall(operation);
        else ExchangeSegments(operation);
    }

    private void PublishSmall(Operation operation)
    {
        var bytes = operation.Count * operation.WireBytes;
        switch (operation.Kind)
        {
            case OperationKind.AllReduce or OperationKind.ReduceScatter:
                for (var piece = 0; piece < operation.Buffers.Length; piece++)
                    ToWire(operation, operation.Buffers[piece], _segment.At(_layout.Small(Position, operation.Sequence, piece, bytes)), operation.Count);
                break;
            case OperationKind.AllGather:
                var (start, length) = Chunks.Of(operation.Count, WorldSize, Position, operation.ElementBytes);
                Copy(operation.Buffers[0] + (nint)(start * operation.ElementBytes), _segment.At(_layout.Small(Position, operation.Sequence, 0, bytes)), length * operation.ElementBytes);
                break;
            case OperationKind.Broadcast when Position == operation.Root:
                Copy(operation.Buffers[0], _segment.At(_layout.Small(Position, operation.Sequence, 0, bytes)), bytes);
                break;
        }
        Announce(operation);
        _published = operation.Sequence;
    }

    private void FinishSmall(Operation operation)
    {
        AwaitSignatures(operation);
        var bytes = operation.Count * operation.WireBytes;
        switch (operation.Kind)
        {
            case OperationKind.AllReduce:
                SumSmall(operation, 0, operation.Count);
                break;
            case OperationKind.ReduceScatter:
                var (start, length) = Chunks.Of(operation.Count, WorldSize, Position, operation.ElementBytes);
                SumSmall(operation, start, length);
                break;
            case OperationKind.AllGather:
                for (var peer = 0; peer < WorldSize; peer++)
                {
                    if (peer == Position) continue;
                    var (from, count) = Chunks.Of(operation.Count, WorldSize, peer, operation.ElementBytes);
                    Copy(_segment.At(_layout.Small(peer, operation.Sequence, 0, bytes)), operation.Buffers[0] + (nint)(from * operation.ElementBytes), count * operation.ElementBytes);
                }
                break;
            case OperationKind.Broadcast when Position != operation.Root:
                Copy(_segment.At(_layout.Small(operation.Root, operation.Sequence, 0, bytes)), operation.Buffers[0], bytes);
                break;
        }
        _segments++;
        _waiter.Raise(Counter.Summed, _segments);
        _waiter.Raise(Counter.Taken, _segments);
    }

    private void SumSmall(Operation operation, long start, long length)
    {
        var bytes = operation.Count * operation.WireBytes;
        for (var leaf = 0; leaf < _leaves.Length; leaf++)
        {
            var (position, piece) = _leaves[leaf];
            var whole = position == Position && operation.Wire == WireType.Same ? operation.Buffers[piece] : _segment.At(_layout.Small(position, operation.Sequence, piece, bytes));
            _leafAddresses[leaf] = whole + (nint)(start * operation.WireBytes);
        }
        var result = operation.Buffers[0] + (nint)(start * operation.ElementBytes);
        if (operation.Wire == WireType.Same)
        {
            _kernel.Sum(_leafAddresses, result, length, operation.Type, operation.Wire);
            return;
        }
        _kernel.Sum(_leafAddresses, _roundedSum.Address, length, operation.Type, operation.Wire);
        FromWire(operation, _roundedSum.Address, result, length);
    }

    private void ExchangeSegments(Operation operation)
    {
        var plan = new SegmentPlan(operation, WorldSize, _layout.RegionBytes);
        var isSum = operation.Kind is OperationKind.AllReduce or OperationKind.ReduceScatter;
        // Peers' segment s is waited for only after one's own s + 1 is laid out: nobody waits for a rank that is merely one step behind.
        for (var turn = 0L; turn < plan.Count + 2; turn++)
        {
            if (turn < plan.Count) Put(operation, plan, turn, isSum);
            if (turn >= 1 && turn - 1 < plan.Count) Sum(operation, plan, turn - 1, isSum);
            if (turn >= 2) Take(operation, plan, turn - 2);
        }
        _segments += plan.Count;
    }

    private void Put(Operation operation, in SegmentPlan plan, long segment, bool isSum)
    {
        var at = _segments + segment;
        if (isSum)
        {
            _waiter.AwaitAll(Counter.Summed, at - SegmentLayout.Depth + 1);   // the slot was read
            for (var step = operation.Wire == WireType.Same ? 1 : 0; step < WorldSize; step++)
            {
                // From one's right-hand neighbour on, so that ranks do not all write for the same owner at once.
                var owner = (Position + step) % WorldSize;
                var (start, length) = plan.Of(owner, segment);
                for (var piece = 0; piece < operation.Buffers.Length; piece++)
                    ToWire(operation, operation.Buffers[piece] + (nint)(start * operation.ElementBytes), _segment.At(_layout.In(Position, at, owner, piece)), length);
            }
        }
        if (segment == 0) Announce(operation);
        else _waiter.Raise(Counter.Put, at + 1);
    }

    private void Sum(Operation operation, in SegmentPlan plan, long segment, bool isSum)
    {
        var at = _segments + segment;
        if (segment == 0) AwaitSignatures(operation);
        _waiter.AwaitAll(Counter.Put, at + 1);
        _waiter.AwaitAll(Counter.Taken, at - SegmentLayout.Depth + 1);   // the out-slot was read
        var (start, length) = plan.Of(Position, segment);
        var own = operation.Buffers[0] + (nint)(start * operation.ElementBytes);
        var sums = _segment.At(_layout.Out(Position, at));
        if (!isSum)
        {
            Copy(own, sums, length * operation.ElementBytes);
        }
        else
        {
            // Nobody fetches the sums of a reduce-scatter.
            var isForOthers = operation.Kind == OperationKind.AllReduce || operation.Wire != WireType.Same;
            var block = isForOthers ? HotBytes / operation.WireBytes : Math.Max(1, length);
            for (var done = 0L; done < length; done += block)
            {
                var count = Math.Min(block, length - done);
                for (var leaf = 0; leaf < _leaves.Length; leaf++)
                {
                    var (position, piece) = _leaves[leaf];
                    _leafAddresses[leaf] = position == Position && operation.Wire == WireType.Same
                        ? operation.Buffers[piece] + (nint)((start + done) * operation.ElementBytes)
                        : _segment.At(_layout.In(position, at, Position, piece)) + (nint)(done * operation.WireBytes);
                }
                var result = own + (nint)(done * operation.ElementBytes);
                var shared = sums + (nint)(done * operation.WireBytes);
                _kernel.Sum(_leafAddresses, isForOthers ? shared : result, count, operation.Type, operation.Wire);
                if (isForOthers) FromWire(operation, shared, result, count);
            }
        }
        _waiter.Raise(Counter.Summed, at + 1);
    }

    private void Take(Operation operation, in SegmentPlan plan, long segment)
    {
        var at = _segments + segment;
        if (operation.Kind != OperationKind.ReduceScatter)
        {
            for (var step = 1; step < WorldSize; step++)
            {
                var owner = (Position + step) % WorldSize;
                var (start, length) = plan.Of(owner, segment);
                if (length == 0) continue;
                _waiter.Await(owner, Counter.Summed, at + 1);
                FromWire(operation, _segment.At(_layout.Out(owner, at)), operation.Buffers[0] + (nint)(start * operation.ElementBytes), length);
            }
        }
        _waiter.Raise(Counter.Taken, at + 1);
    }

    private void Announce(Operation operation)
    {
        _segment.Words(Position).Signature(operation.Sequence) = operation.Signature;
        _waiter.Raise(Counter.Put, _segments + 1);
    }

    private void AwaitSignatures(Operation operation)
    {
        for (var peer = 0; peer < WorldSize; peer++)
        {
            if (peer == Position) continue;
            _waiter.Await(peer, Counter.Put, _segments + 1);
            OperationSignature.RequireEqual(operation, Position, _segment.Words(peer).Signature(operation.Sequence), peer);
        }
    }

    private void ThrowIfHopeless(int peer, bool hasLeft)
    {
        if (Failure is { } failure) ExceptionDispatchInfo.Throw(failure);
        if (FailIfEndedByPeer() is { } end) throw end;
        if (hasLeft) throw Fail([peer], "it has left the group.");
        if (Stopwatch.GetElapsedTime(_operationStart) > _settings.Operation)
            throw Fail([peer], $"it lives, but has not come that far within {_settings.Operation.TotalMinutes} min.");
    }

    private Exception? FailIfEndedByPeer()
    {
        var endedBy = Volatile.Read(ref _segment.EndedBy) - 1;
        if (endedBy < 0 || endedBy == Position) return null;
        var words = _segment.Words(endedBy);
        var bits = words.SilentBits.ToArray();
        return Fail([.. Enumerable.Range(0, WorldSize).Where(p => p != Position && ((bits[p / 8] >> (p % 8)) & 1) != 0)], words.AbortReason);
    }

    private void Watch()
    {
        var life = new PeerLife(_segment, Position, _settings);
        lock (_watchGate)
        {
            while (!_isClosing)
            {
                var (gone, reason) = life.Look();
                // A rank that computes hears of the end, too: its next operation fails at once.
                if (FailIfEndedByPeer() is null && gone.Count > 0) Fail(gone, reason);
                Monitor.Wait(_watchGate, _settings.Heartbeat);
            }
        }
    }

    private static void ToWire(Operation operation, nint from, nint to, long count)
    {
        if (operation.Wire == WireType.BFloat16) BFloat16.Encode(from, to, count);
        else Copy(from, to, count * operation.ElementBytes);
    }

    private static void FromWire(Operation operation, nint from, nint to, long count)
    {
        if (operation.Wire == WireType.BFloat16) BFloat16.Decode(from, to, count);
        else Copy(from, to, count * operation.ElementBytes);
    }

    private static void Copy(nint from, nint to, long bytes) => Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);
}

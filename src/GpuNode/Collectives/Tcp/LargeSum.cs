using System.Runtime.InteropServices;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>
/// Bandwidth: each rank owns one chunk. All send it their pieces of its chunk, segment by segment; it adds a segment as soon as every
/// contribution to it is there, while the next ones arrive, and for an all-reduce sends the sum to all at once. Each rank sends and
/// receives 2 (W − 1) / W times the bytes, without a step that waits for a whole chunk.
/// </summary>
/// <remarks>Sums and received results go straight into the caller's memory; contributions of others pass through a ring of segments.</remarks>
internal sealed unsafe class LargeSum : IDisposable
{
    // A segment is added while the second-level cache (1 MB and more) still holds it and its partners; at 2–3 GB/s it takes 100 µs,
    // against which a wake-up (5–20 µs) is small.
    public const int SegmentBytes = 256 * 1024;

    // Segments that may be under way from the fastest peer while the slowest one's are waited for.
    private const int Ring = 4;

    private readonly TcpGroup _group;
    private readonly ReductionKernel _kernel;
    private readonly nint[] _leaves;
    private readonly int[] _arrived = new int[Ring];
    private readonly Staging _slots = new();
    private readonly Staging _announcements = new();
    private readonly Staging _sums = new();
    private readonly Staging[] _encoded;
    private readonly Staging[] _received;

    private Operation _operation = null!;
    private nint _slotsAt;
    private nint _sumsAt;
    private (long Start, long Length) _own;
    private long _reduced;

    public LargeSum(TcpGroup group, ReductionKernel kernel)
    {
        (_group, _kernel) = (group, kernel);
        _leaves = new nint[group.Leaves];
        _encoded = [.. Enumerable.Range(0, group.WorldSize).Select(_ => new Staging())];
        _received = [.. Enumerable.Range(0, group.WorldSize).Select(_ => new Staging())];
    }

    private bool IsRounded => _operation.Wire == WireType.BFloat16;

    private long SegmentElements => SegmentBytes / _operation.WireBytes;

    public void Run(Operation operation, Pump pump)
    {
        (_operation, _reduced) = (operation, 0);
        Array.Clear(_arrived);
        _own = ChunkOf(_group.Own);
        _slotsAt = _slots.Take((long)Ring * _group.Leaves * SegmentBytes);
        if (IsRounded) _sumsAt = _sums.Take(_own.Length * operation.WireBytes);
        var announcements = _announcements.Take((long)Announcement.Bytes * (_group.WorldSize + 1));
        Announcement.Write(announcements, operation);
        if (_group.WorldSize == 1)
            while (_reduced < SegmentsOf(_own)) Add(_reduced);
        var flows = new List<Flow>();
        foreach (var place in _group.Others)
        {
            flows.Add(new TakeContributions(this, place, announcements + Announcement.Bytes * (place + 1)));
            if (operation.Kind == OperationKind.AllReduce)
            {
                flows.Add(new TakeResults(this, place));
                flows.Add(new GiveResults(this, place));
            }
            flows.Add(new GiveContributions(this, place, announcements));
        }
        pump.Run(CollectionsMarshal.AsSpan(flows), operation);
    }

    public void Dispose()
    {
        foreach (var staging in (IEnumerable<Staging>)[_slots, _announcements, _sums, .. _encoded, .. _received]) staging.Dispose();
    }

    private (long Start, long Length) ChunkOf(int place) => Chunks.Of(_operation.Count, _group.WorldSize, place, _operation.ElementBytes);

    private long SegmentsOf((long Start, long Length) chunk) => (chunk.Length + SegmentElements - 1) / SegmentElements;

    private long LengthOf(long segment, (long Start, long Length) chunk) => Math.Min(SegmentElements, chunk.Length - segment * SegmentElements);

    private nint InMemory(int piece, (long Start, long Length) chunk, long segment) =>
        _operation.Buffers[piece] + (nint)((chunk.Start + segment * SegmentElements) * _operation.ElementBytes);

    private nint Slot(long segment, int leaf) => _slotsAt + (nint)((segment % Ring * _group.Leaves + leaf) * SegmentBytes);

    private void Arrived(long segment)
    {
        if (++_arrived[segment % Ring] < _group.WorldSize - 1) return;
        _arrived[segment % Ring] = 0;
        Add(segment);   // peers send in order, so segments become complete in order
    }

    private void Add(long segment)
    {
        var length = LengthOf(segment, _own);
        var firstOwn = _group.FirstLeafOf(_group.Own);
        for (var leaf = 0; leaf < _leaves.Length; leaf++) _leaves[leaf] = Slot(segment, leaf);
        for (var piece = 0; piece < _operation.Buffers.Length; piece++)
        {
            var own = InMemory(piece, _own, segment);
            if (IsRounded) BFloat16.Encode(own, Slot(segment, firstOwn + piece), length);
            else _leaves[firstOwn + piece] = own;
        }
        var target = InMemory(0, _own, segment);
        if (IsRounded)
        {
            var words = SumAt(segment);
            _kernel.Sum(_leaves, words, length, _operation.Type, _operation.Wire);
            BFloat16.Decode(words, target, length);
        }
        else
        {
            _kernel.Sum(_leaves, target, length, _operation.Type, _operation.Wire);
        }
        _reduced++;
    }

    private nint SumAt(long segment) => _sumsAt + (nint)(segment * SegmentElements * _operation.WireBytes);

    /// <summary>This rank's pieces of another one's chunk: by segment, then by piece.</summary>
    private sealed class GiveContributions(LargeSum sum, int place, nint announcement) : AnnouncedSend(sum._group.Contributions(place), sum._group.Positions[place], announcement)
    {
        private readonly (long Start, long Length) _chunk = sum.ChunkOf(place);
        private long _segment;
        private int _piece;

        protected override NextBlock NextData(out nint at, out long bytes)
        {
            (at, bytes) = (0, 0);
            if (_segment == sum.SegmentsOf(_chunk)) return NextBlock.Over;
            var length = sum.LengthOf(_segment, _chunk);
            (at, bytes) = (sum.InMemory(_piece, _chunk, _segment), length * sum._operation.WireBytes);
            if (sum.IsRounded)
            {
                var words = sum._encoded[place].Take(SegmentBytes);
                BFloat16.Encode(at, words, length);
                at = words;
            }
            if (++_piece == sum._operation.Buffers.Length) (_piece, _segment) = (0, _segment + 1);
            return NextBlock.Ready;
        }
    }

    /// <summary>Another rank's pieces of this rank's chunk.</summary>
    private sealed class TakeContributions(LargeSum sum, int place, nint announcement)
        : AnnouncedReceive(sum._group.Contributions(place), sum._group.Positions[place], announcement, sum._operation, sum._group.Positions[sum._group.Own])
    {
        private readonly int _firstLeaf = sum._group.FirstLeafOf(place);
        private readonly int _pieces = sum._group.PiecesOf(place);
        private long _segment;
        private int _piece;

        protected override NextBlock NextData(out nint at, out long bytes)
        {
            (at, bytes) = (0, 0);
            if (_segment == sum.SegmentsOf(sum._own)) return NextBlock.Over;
            if (_segment >= sum._reduced + Ring) return NextBlock.NotYet;
            (at, bytes) = (sum.Slot(_segment, _firstLeaf + _piece), sum.LengthOf(_segment, sum._own) * sum._operation.WireBytes);
            return NextBlock.Ready;
        }

        protected override void DataDone()
        {
            if (++_piece < _pieces) return;
            _piece = 0;
            sum.Arrived(_segment++);
        }
    }

    private sealed class GiveResults(LargeSum sum, int place) : SendFlow(sum._group.Results(place), sum._group.Positions[place])
    {
        private long _segment;

        protected override NextBlock Next(out nint at, out long bytes)
        {
            (at, bytes) = (0, 0);
            if (_segment == sum.SegmentsOf(sum._own)) return NextBlock.Over;
            if (_segment >= sum._reduced) return NextBlock.NotYet;
            (at, bytes) = (sum.IsRounded ? sum.SumAt(_segment) : sum.InMemory(0, sum._own, _segment), sum.LengthOf(_segment, sum._own) * sum._operation.WireBytes);
            _segment++;
            return NextBlock.Ready;
        }
    }

    private sealed class TakeResults(LargeSum sum, int place) : ReceiveFlow(sum._group.Results(place), sum._group.Positions[place])
    {
        private readonly (long Start, long Length) _chunk = sum.ChunkOf(place);
        private long _segment;

        protected override NextBlock Next(out nint at, out long bytes)
        {
            (at, bytes) = (0, 0);
            if (_segment == sum.SegmentsOf(_chunk)) return NextBlock.Over;
            (at, bytes) = (sum.IsRounded ? sum._received[place].Take(SegmentBytes) : sum.InMemory(0, _chunk, _segment), sum.LengthOf(_segment, _chunk) * sum._operation.WireBytes);
            return NextBlock.Ready;
        }

        protected override void BlockDone()
        {
            if (sum.IsRounded) BFloat16.Decode(sum._received[place].Take(SegmentBytes), sum.InMemory(0, _chunk, _segment), sum.LengthOf(_segment, _chunk));
            _segment++;
        }
    }
}

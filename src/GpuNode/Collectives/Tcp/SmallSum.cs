using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>
/// Latency: every rank sends all its pieces to every other one, in one message with the announcement, and adds them all itself. One
/// message's time instead of two; (W − 1) times the bytes. The same additions in the same order as <see cref="LargeSum"/>.
/// </summary>
/// <remarks>With nothing to add it is the barrier: only the announcements travel.</remarks>
internal sealed unsafe class SmallSum : IDisposable
{
    private readonly TcpGroup _group;
    private readonly ReductionKernel _kernel;
    private readonly nint[] _leaves;
    private readonly Staging _outbox = new();
    private readonly Staging _inbox = new();
    private readonly Staging _words = new();

    public SmallSum(TcpGroup group, ReductionKernel kernel)
    {
        (_group, _kernel) = (group, kernel);
        _leaves = new nint[group.Leaves];
    }

    /// <summary>What this rank sends: ready to go, and waiting for nobody.</summary>
    public Flow[] Publish(Operation operation)
    {
        var pieceBytes = operation.Count * operation.WireBytes;
        var bytes = Announcement.Bytes + operation.Buffers.Length * pieceBytes;
        var outbox = _outbox.Take(bytes);
        Announcement.Write(outbox, operation);
        for (var piece = 0; piece < operation.Buffers.Length; piece++)
        {
            var at = outbox + Announcement.Bytes + (nint)(piece * pieceBytes);
            _leaves[_group.FirstLeafOf(_group.Own) + piece] = at;
            if (operation.Wire == WireType.BFloat16) BFloat16.Encode(operation.Buffers[piece], at, operation.Count);
            else Buffer.MemoryCopy((void*)operation.Buffers[piece], (void*)at, pieceBytes, pieceBytes);
        }
        return [.. _group.Others.Select(place => new GiveBlock(_group.Contributions(place), _group.Positions[place], outbox, bytes))];
    }

    /// <param name="published">Of the same operation.</param>
    public void Finish(Operation operation, Flow[] published, Pump pump)
    {
        var pieceBytes = operation.Count * operation.WireBytes;
        var hasData = operation.Buffers.Length > 0;
        var inbox = _inbox.Take(_group.WorldSize * (long)Announcement.Bytes + (hasData ? _group.Leaves * pieceBytes : 0));
        var flows = new List<Flow>(published);
        foreach (var place in _group.Others)
        {
            var bytes = Announcement.Bytes + (hasData ? _group.PiecesOf(place) * pieceBytes : 0);
            flows.Add(new Incoming(_group.Contributions(place), _group.Positions[place], inbox, bytes, operation, _group.Positions[_group.Own]));
            if (hasData)
                for (var piece = 0; piece < _group.PiecesOf(place); piece++) _leaves[_group.FirstLeafOf(place) + piece] = inbox + Announcement.Bytes + (nint)(piece * pieceBytes);
            inbox += (nint)bytes;
        }
        pump.Run(CollectionsMarshal.AsSpan(flows), operation);
        if (hasData) Add(operation);
    }

    public void Dispose()
    {
        _outbox.Dispose();
        _inbox.Dispose();
        _words.Dispose();
    }

    private void Add(Operation operation)
    {
        if (operation.Wire == WireType.Same)
        {
            _kernel.Sum(_leaves, operation.Buffers[0], operation.Count, operation.Type, operation.Wire);
            return;
        }
        var words = _words.Take(operation.Count * operation.WireBytes);
        _kernel.Sum(_leaves, words, operation.Count, operation.Type, operation.Wire);
        BFloat16.Decode(words, operation.Buffers[0], operation.Count);
    }

    private sealed class Incoming(Socket socket, int peer, nint to, long length, Operation operation, int own) : TakeBlock(socket, peer, to, length)
    {
        private readonly nint _announcement = to;
        private long _received;

        // As soon as it can be: a peer that began something else may never send as much as is waited for.
        protected override void Moved(int bytes)
        {
            var before = _received;
            _received += bytes;
            if (before < Announcement.Bytes && _received >= Announcement.Bytes) Announcement.Check(_announcement, operation, own, Peer);
        }
    }
}

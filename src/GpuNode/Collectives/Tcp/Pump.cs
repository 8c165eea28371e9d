using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>
/// Drives all flows of an operation from one thread: receiving, adding and sending overlap because no call blocks, and because the kernel
/// moves bytes meanwhile. Sleeps in poll(2) when no flow can move.
/// </summary>
internal sealed class Pump(PeerMesh mesh)
{
    // A lost peer wakes poll at once (its connections end, or the watch ends them); this bounds the look at the operation's own limit.
    private const int LookMs = 500;

    private readonly List<SocketPoll.Request> _requests = [];

    /// <summary>Returns when every flow is over.</summary>
    /// <exception cref="GroupEndedException">A peer is lost, or has ended the group.</exception>
    public void Run(ReadOnlySpan<Flow> flows, Operation operation)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (mesh.End is { } end) throw end.ToException();
            if (Turn(flows)) continue;
            _requests.Clear();
            var isOver = true;
            foreach (var flow in flows)
            {
                isOver &= flow.IsOver;
                if (flow.IsBlocked) _requests.Add(new SocketPoll.Request { Descriptor = flow.Descriptor, Events = flow.Waits });
            }
            if (isOver) return;
            if (_requests.Count == 0) throw new UnreachableException($"{operation}: no connection has anything to do, and it is not over.");
            SocketPoll.Wait(CollectionsMarshal.AsSpan(_requests), LookMs);
            GiveUpOnTheGone(flows, operation, Stopwatch.GetElapsedTime(start));
        }
    }

    /// <summary>Moves what moves at once; <see cref="Run"/> goes on from there.</summary>
    /// <returns>Whether every flow is over.</returns>
    public bool TryRun(ReadOnlySpan<Flow> flows)
    {
        while (Turn(flows)) { }
        foreach (var flow in flows)
            if (!flow.IsOver) return false;
        return true;
    }

    private bool Turn(ReadOnlySpan<Flow> flows)
    {
        var hasMoved = false;
        foreach (var flow in flows)
        {
            try
            {
                hasMoved |= flow.Advance();
            }
            catch (SocketException error)
            {
                throw mesh.Verdict(flow.Peer, $"the connection to rank {flow.Peer} ended: {error.Message}");
            }
        }
        return hasMoved;
    }

    // Neither a peer that left in good order nor one that lives and never begins the operation is noticed by the watch.
    private void GiveUpOnTheGone(ReadOnlySpan<Flow> flows, Operation operation, TimeSpan elapsed)
    {
        foreach (var flow in flows)
        {
            if (!flow.IsBlocked) continue;
            if (mesh.LeftFor(flow.Peer) > mesh.Timeouts.Silence)
                throw new GroupEndedException([flow.Peer], $"rank {flow.Peer} left the group before this operation was complete.");
            if (elapsed > mesh.Timeouts.Operation)
                throw new GroupEndedException([], $"{operation} has waited {elapsed.TotalSeconds:0} s for rank {flow.Peer}, which lives but does not take part; the limit of an operation is {mesh.Timeouts.Operation.TotalSeconds:0} s.");
        }
    }
}

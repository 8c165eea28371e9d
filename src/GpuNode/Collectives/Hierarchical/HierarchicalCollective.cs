using System.Collections.Immutable;
using Volley.GpuNode.Collectives.SharedMemory;
using Volley.GpuNode.Collectives.Tcp;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Collectives.Hierarchical;

/// <summary>
/// Several machines with several ranks each: sums are made on each machine through shared memory as far as the canonical tree allows
/// (<see cref="MachinePlan"/>), one rank per machine exchanges them over TCP, and the result is spread on each machine. Large buffers go in
/// parts, so that a machine adds the next part while the last one travels. All-gather, broadcast and barrier go over TCP between all.
/// </summary>
/// <remarks>
/// Over bfloat16 every contribution is rounded where it is made, sums of machines travel in float32 (rounding them would be a second
/// rounding) and the result is rounded once, as everywhere.
/// </remarks>
internal sealed class HierarchicalCollective : Collective
{
    // Large enough that waking the next stage costs little, small enough that three parts of a usual bucket are under way.
    private const long PartBytes = 4 * 1024 * 1024;

    private readonly PeerMesh _mesh;
    private readonly ImmutableArray<Station> _stations;
    private readonly TcpExchange? _between;
    private readonly TcpExchange _all;
    private readonly Staging _words = new();

    private HierarchicalCollective(PeerMesh mesh, ShardAssignment shards, MachinePlan plan, ImmutableArray<Station> stations) : base(mesh.Position, shards, "hierarchical")
    {
        (_mesh, _stations) = (mesh, stations);
        _all = new TcpExchange(new TcpGroup(mesh, [.. Enumerable.Range(0, shards.WorldSize)], mesh.Position, shards));
        var place = plan.Leaders.IndexOf(mesh.Position);
        if (place >= 0) _between = new TcpExchange(new TcpGroup(mesh, plan.Leaders, place, plan.Between));
        mesh.Start(end =>
        {
            if (end.IsMismatch) AbortLocal(end.Reason);   // thrown where the operation is under way; it is no loss
            else Fail(end.Lost, end.Reason);
        });
    }

    /// <summary>Blocks until every pair of the group is connected and the machine's own groups have formed.</summary>
    /// <inheritdoc cref="PeerMesh.Form"/>
    public static HierarchicalCollective Connect(GroupDescription group, int position, GroupListener listener, GroupTimeouts? timeouts = null, SharedMemorySettings? settings = null, CancellationToken cancel = default)
    {
        var shards = ShardAssignment.Even(group.Shards, group.WorldSize);
        var plan = MachinePlan.Of(shards, [.. group.Members.Select(member => member.Machine)]);
        var mesh = PeerMesh.Form(group, position, listener, timeouts, cancel: cancel);
        var stations = ImmutableArray.CreateBuilder<Station>();
        try
        {
            var firstPiece = 0;
            foreach (var sum in plan.Sums)
            {
                var place = sum.Positions.IndexOf(position);
                if (place < 0) continue;
                var own = sum.Local.PiecesOf(place).Length;
                stations.Add(new Station(sum, firstPiece, own, sum.Positions.Length == 1 ? null : Open(group, sum, place, settings)));
                firstPiece += own;
            }
            return new HierarchicalCollective(mesh, shards, plan, stations.ToImmutable());
        }
        catch
        {
            foreach (var station in stations) station.Local?.Dispose();
            mesh.Dispose();
            throw;
        }
    }

    protected override void Execute(Operation operation)
    {
        try
        {
            if (operation.Kind is OperationKind.AllReduce or OperationKind.ReduceScatter) Sum(operation);
            else _all.Execute(operation);
        }
        catch (GroupEndedException end)
        {
            throw Fail(end.SilentPeers, end.Message);
        }
    }

    protected override void OnFailure(Exception failure)
    {
        _mesh.Tell(GroupEnd.Of(failure, Position));
        AbortLocal(failure.Message);
    }

    protected override void DisposeTransport()
    {
        foreach (var station in _stations) station.Local?.Dispose();
        _mesh.Dispose();
        _between?.Dispose();
        _all.Dispose();
        _words.Dispose();
    }

    private void AbortLocal(string reason)
    {
        foreach (var station in _stations) station.Local?.Abort(reason);
    }

    private static SharedMemoryCollective Open(GroupDescription group, LocalSum sum, int place, SharedMemorySettings? settings)
    {
        var local = group with { Members = [.. sum.Positions.Select(position => group.Members[position])], Shards = sum.Subtree.Count };
        return SharedMemoryCollective.Open(local, place, $"tree{sum.Subtree.First}", settings, sum.Local);
    }

    private void Sum(Operation operation)
    {
        var parts = new List<Part>();
        var partElements = PartBytes / operation.ElementBytes;
        for (var start = 0L; start == 0 || start < operation.Count; start += partElements)
            parts.Add(new Part(start, Math.Min(partElements, operation.Count - start), []));
        AddOnMachine(operation, parts[0]);
        for (var i = 0; i < parts.Count; i++)
        {
            // The next part is added by the local groups' own threads while this one travels.
            if (i + 1 < parts.Count) AddOnMachine(operation, parts[i + 1]);
            Exchange(operation, parts[i]);
            Spread(operation, parts[i]);
        }
        foreach (var part in parts)
            foreach (var (station, work) in part.Works) Wait(station, work);
    }

    private void AddOnMachine(Operation operation, Part part)
    {
        foreach (var station in _stations)
        {
            var buffers = BuffersOf(station, operation, part);
            if (operation.Wire == WireType.BFloat16)
                foreach (var buffer in buffers) Round(buffer, part.Count);
            if (station.Local is { } local) part.Works.Add((station, local.AllReduce(buffers.AsSpan(), part.Count, operation.Type, WireType.Same, operation.Name)));
        }
    }

    private void Exchange(Operation operation, Part part)
    {
        if (_between is null) return;
        foreach (var (station, work) in part.Works) Wait(station, work);
        var led = _stations.Where(station => station.Sum.Leader == Position).ToArray();
        _between.Execute(operation with
        {
            Kind = OperationKind.AllReduce,
            Wire = WireType.Same,
            Count = part.Count,
            Buffers = [.. led.Select(station => BuffersOf(station, operation, part)[0])],
        });
        if (operation.Wire == WireType.BFloat16) Round(BuffersOf(led[0], operation, part)[0], part.Count);
    }

    private void Spread(Operation operation, Part part)
    {
        // A leader that leads no first subtree of its own has the result only in a later buffer: it gets it from its first subtree's leader, like the others.
        foreach (var station in _stations)
            if (station is { Local: { } local, Sum.SpreadsResult: true })
            {
                var buffer = BuffersOf(SourceOf(station), operation, part)[0];
                part.Works.Add((station, local.Broadcast(buffer, part.Count * operation.ElementBytes, root: 0, operation.Name)));
            }
    }

    // Where the result lies at the leader of a subtree that it leads: in its first led one.
    private Station SourceOf(Station station) => station.Sum.Leader == Position ? _stations.First(other => other.Sum.Leader == Position) : station;

    private static ImmutableArray<nint> BuffersOf(Station station, Operation operation, Part part) =>
        [.. operation.Buffers.Skip(station.FirstPiece).Take(station.Pieces).Select(buffer => buffer + (nint)(part.Start * operation.ElementBytes))];

    private void Wait(Station station, ICollectiveWork work)
    {
        try
        {
            work.Wait();
        }
        catch (PeerLostException lost)
        {
            if (lost.SilentPeers.Count > 0) throw new GroupEndedException([.. lost.SilentPeers.Select(place => station.Sum.Positions[place])], lost.Message);
            // Somebody of the machine left for a reason that the mesh tells to all.
            SpinWait.SpinUntil(() => _mesh.End is not null, _mesh.Timeouts.Verdict);
            throw _mesh.End?.ToException() ?? new GroupEndedException([], lost.Message);
        }
    }

    private void Round(nint floats, long count)
    {
        var words = _words.Take(count * sizeof(ushort));
        BFloat16.Encode(floats, words, count);
        BFloat16.Decode(words, floats, count);
    }

    /// <summary>This rank's share in one subtree.</summary>
    /// <param name="FirstPiece">Index of its first buffer there among all its buffers.</param>
    /// <param name="Local">Null where it holds the whole subtree by itself.</param>
    private sealed record Station(LocalSum Sum, int FirstPiece, int Pieces, SharedMemoryCollective? Local);

    private sealed record Part(long Start, long Count, List<(Station Station, ICollectiveWork Work)> Works);
}

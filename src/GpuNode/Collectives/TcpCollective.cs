using Volley.GpuNode.Collectives.Tcp;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Collectives;

/// <summary>Ranks on several machines, each pair connected directly. Nothing is encrypted; both ends have proved that they belong to the attempt.</summary>
internal sealed class TcpCollective : Collective
{
    private readonly PeerMesh _mesh;
    private readonly TcpExchange _exchange;

    private TcpCollective(PeerMesh mesh, ShardAssignment shards) : base(mesh.Position, shards, "tcp")
    {
        _mesh = mesh;
        _exchange = new TcpExchange(new TcpGroup(mesh, [.. Enumerable.Range(0, shards.WorldSize)], mesh.Position, shards));
        // A mismatch is thrown where the operation is under way; it is no loss.
        mesh.Start(end => { if (!end.IsMismatch) Fail(end.Lost, end.Reason); });
    }

    /// <summary>Blocks until every pair of the group is connected.</summary>
    /// <inheritdoc cref="PeerMesh.Form"/>
    public static TcpCollective Connect(GroupDescription group, int position, GroupListener listener, GroupTimeouts? timeouts = null, TimeProvider? clock = null, CancellationToken cancel = default) =>
        new(PeerMesh.Form(group, position, listener, timeouts, clock, cancel), ShardAssignment.Even(group.Shards, group.WorldSize));

    protected override void Execute(Operation operation) => Guarded(() =>
    {
        _exchange.Execute(operation);
        return true;
    });

    protected override bool TryPublish(Operation operation) => Guarded(() => _exchange.TryPublish(operation));

    protected override void OnFailure(Exception failure) => _mesh.Tell(GroupEnd.Of(failure, Position));

    protected override void DisposeTransport()
    {
        _mesh.Dispose();
        _exchange.Dispose();
    }

    private bool Guarded(Func<bool> exchange)
    {
        try
        {
            return exchange();
        }
        catch (GroupEndedException end)
        {
            throw Fail(end.SilentPeers, end.Message);
        }
    }
}

using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using Akka.Remote;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>
/// The agent's ear and mouth in the cluster. Protocol: everything from the coordinator (<see cref="IVolleyMessage"/>) goes to the agent's
/// loop; <see cref="Outgoing"/> from the loop goes to the coordinator's singleton with this actor as sender, so that answers come here.
/// Holds no state: it dies with its actor system, the agent does not.
/// </summary>
internal sealed class NodeActor : ReceiveActor
{
    private readonly AgentLoop _loop;

    /// <param name="onCoordinatorGone">A connection to a coordinator broke, or it left: perhaps another is in its place.</param>
    public NodeActor(AgentLoop loop, Action onQuarantined, Action onCoordinatorGone)
    {
        _loop = loop;
        var manager = Context.ActorOf(
            ClusterSingletonProxy.Props(ClusterNames.ManagerPath, ClusterSingletonProxySettings.Create(Context.System).WithRole(ClusterNames.CoordinatorRole)), "manager");
        Receive<Outgoing>(outgoing => manager.Tell(outgoing.Message, Self));
        Receive<IVolleyMessage>(message => _loop.Post(new AgentInput.Heard(message)));
        Receive<ThisActorSystemQuarantinedEvent>(_ => onQuarantined());
        Receive<ClusterEvent.MemberRemoved>(removed =>
        {
            if (removed.Member.HasRole(ClusterNames.CoordinatorRole)) onCoordinatorGone();
        });
        Receive<AssociationEvent>(association =>
        {
            if (IsOfACoordinator(association.RemoteAddress)) onCoordinatorGone();
        });
    }

    public sealed record Outgoing(IVolleyMessage Message);

    protected override void PreStart()
    {
        Context.System.EventStream.Subscribe(Self, typeof(ThisActorSystemQuarantinedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(AssociationErrorEvent));
        Cluster.Get(Context.System).Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.MemberRemoved));
        _loop.Attach(Self);
    }

    protected override void PostStop() => _loop.Detach(Self);

    private static bool IsOfACoordinator(Address? address) =>
        Cluster.Get(Context.System).State.Members.Any(member => member.Address == address && member.HasRole(ClusterNames.CoordinatorRole));
}

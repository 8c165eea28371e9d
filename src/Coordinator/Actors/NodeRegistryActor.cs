using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using Akka.Remote;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Actors;

/// <summary>
/// The one owner of the inventory. Protocol: agents' <see cref="RegisterNode"/> and <see cref="NodeLeaving"/> (forwarded by the manager), the
/// cluster's reachability events, the transport's closed connections (an agent whose port then refuses is gone: <see cref="AgentDial"/>), sweeps' <see cref="AskForSlots"/>, <see cref="WithdrawRequest"/>, <see cref="HoldSlots"/>,
/// <see cref="ReleaseSlots"/> and <see cref="SendToNode"/>; news go to the manager as <see cref="SweepMail"/>.
/// </summary>
internal sealed class NodeRegistryActor : ReceiveActor, IWithTimers
{
    private readonly Dictionary<NodeId, IActorRef> _agents = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly TimeProvider _clock;
    private readonly HashSet<NodeId> _dialled = [];
    private Inventory _inventory = Inventory.Empty;
    private long _refusedRegistrations;

    public NodeRegistryActor(string clusterId, long term, string version, TimeProvider clock)
    {
        _clock = clock;
        Receive<RegisterNode>(registration =>
        {
            var address = Sender.Path.Address.ToString();
            (_inventory, var verdict) = _inventory.Admit(registration, version, address, Now);
            if (verdict.Refusal is { } reason)
            {
                _refusedRegistrations++;
                _log.Warning("Refused {0} at {1}: {2}", registration.Node, address, reason);
                Sender.Tell(new NodeRefused(registration.Node, MessageLimits.Clip(reason)));
            }
            if (!verdict.IsAdmitted) return;
            if (!_agents.TryGetValue(registration.Node, out var before) || !before.Equals(Sender))
                _log.Info("Node {0} at {1} lends {2} slots of {3} threads ({4})", registration.Node, Sender.Path.Address, registration.Slots, registration.ThreadsPerSlot, registration.Device);
            if (before is not null && before.Path.Address != Sender.Path.Address) Down(before);
            _agents[registration.Node] = Sender;
            Sender.Tell(new NodeRegistered(registration.Node, clusterId, term));
            Take(_inventory.Register(registration, Now, address));
        });
        Receive<NodeLeaving>(leaving => Take(_inventory.Leave(leaving.Node, leaving.Incarnation)));
        Receive<ClusterEvent.UnreachableMember>(unreachable => Lose(unreachable.Member, "it is unreachable."));
        Receive<ClusterEvent.MemberRemoved>(removed => Lose(removed.Member, "it left the cluster."));
        Receive<DisassociatedEvent>(ended => Dial(ended.RemoteAddress));
        Receive<AssociationErrorEvent>(failed => Dial(failed.RemoteAddress));
        Receive<Dialled>(OnDialled);
        Receive<NoticeSilence>(_ => Take(_inventory.NoticeSilence(Now)));

        Receive<AskForSlots>(ask => Take((_inventory.Ask(ask), [])));
        Receive<WithdrawRequest>(withdraw => Take((_inventory.Withdraw(withdraw.Trial), [])));
        Receive<ReleaseSlots>(release => Take((_inventory.Release(release.Trial, release.Attempt, release.Members, release.MayRun), [])));
        Receive<KeepSlots>(keep => Take(_inventory.Keep(keep)));
        Receive<RankIsGone>(gone => Take(_inventory.Exit(gone.Node, gone.Rank, gone.End, gone.Error, gone.IsUserError)));
        Receive<ForgetHoldings>(forget => Take((_inventory.Forget(forget.Sweep), [])));
        Receive<AvoidNode>(avoid => Take((_inventory.Avoid(avoid), [])));
        Receive<SetSweepPriority>(set => Take((_inventory.Prioritise(set.Sweep, set.Priority), [])));
        Receive<StandingChanged>(change => Take(_inventory.Put(change.Node, change.SetAside)));
        Receive<HoldSlots>(hold =>
        {
            _inventory = _inventory.Hold(hold.Trial, hold.Attempt, hold.Members, Now);
            foreach (var node in hold.Members.Select(member => member.Node).Distinct())
                if (_inventory.SetAside.GetValueOrDefault(node) is { Kind: SetAsideKind.Excluded } excluded)
                    Tell(hold.Trial.Sweep, new NodeLost(node, $"it was excluded: {excluded.Reason}"));
            foreach (var node in hold.Members.Select(member => member.Node).Distinct())
                if (_inventory.Find(node) is { IsReachable: true } known)
                    Tell(hold.Trial.Sweep, new NodeAppeared(node, known.Registration.Incarnation, known.Registration.Running));
        });
        Receive<FindCopyTarget>(find => Tell(find.Trial.Sweep, new CopyTargetFound(find.Trial.Number, find.Attempt, find.RelativePath, _inventory.CopyTarget(find.Source, find.Tried))));
        Receive<SendToNode>(Send);
        Receive<CountersAnswer>(counters => Sender.Tell(counters with { RefusedRegistrations = _refusedRegistrations }));
        Receive<GetInventory>(_ => Sender.Tell(new InventoryAnswer(_inventory)));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private DateTimeOffset Now => _clock.GetUtcNow();

    protected override void PreStart()
    {
        Cluster.Get(Context.System).Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.UnreachableMember), typeof(ClusterEvent.MemberRemoved));
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(AssociationErrorEvent));
        Timers.StartPeriodicTimer(nameof(NoticeSilence), NoticeSilence.Instance, TimeSpan.FromSeconds(1));
    }

    protected override void PostStop()
    {
        Cluster.Get(Context.System).Unsubscribe(Self);
        Context.System.EventStream.Unsubscribe(Self);
    }

    /// <summary>A connection has ended: with its agent, or only by itself?</summary>
    private void Dial(Address address)
    {
        foreach (var (node, agent) in _agents)
        {
            if (agent.Path.Address != address || _inventory.Find(node) is not { IsReachable: true } known || !_dialled.Add(node)) continue;
            // The port of the agent itself, where it has one: that of its actor system is closed while it builds a new one, and its ranks go on.
            var (host, port) = (address.Host, address.Port ?? 0);
            if (known.Registration.HttpAddress is { Length: > 0 } http && http.LastIndexOf(':') is > 0 and var colon)
                (host, port) = (http[..colon].Trim('[', ']'), int.Parse(http.AsSpan(colon + 1), CultureInfo.InvariantCulture));
            AgentDial.IsGoneAsync(host, port, _clock).PipeTo(Self, success: isGone => new Dialled(node, agent, isGone));
        }
    }

    private void OnDialled(Dialled dialled)
    {
        _dialled.Remove(dialled.Node);
        if (!dialled.IsGone || !_agents.TryGetValue(dialled.Node, out var agent) || !agent.Equals(dialled.Agent)) return;
        _log.Warning("Node {0} at {1} is lost: its agent's process has ended", dialled.Node, agent.Path.Address);
        Down(agent);
        Take(_inventory.Lose(dialled.Node, "its agent's process ended: the connection closed, and its port refuses."));
    }

    /// <summary>It is gone for certain. While a member is merely unreachable no other joins, and none comes back to its address.</summary>
    private static void Down(IActorRef agent) => Cluster.Get(Context.System).Down(agent.Path.Address);

    private void Lose(Akka.Cluster.Member member, string reason)
    {
        foreach (var (node, agent) in _agents.Where(entry => entry.Value.Path.Address == member.Address).ToList())
        {
            _log.Warning("Node {0} at {1} is lost: {2}", node, agent.Path.Address, reason);
            Take(_inventory.Lose(node, reason));
        }
    }

    private void Send(SendToNode message)
    {
        if (message.Node is { } node && _inventory.Find(node) is { IsReachable: true } && _agents.TryGetValue(node, out var agent))
            agent.Tell(_inventory.WithAddresses(message.Message), Context.Parent);
        else if (message.IsAnyNodeGood && _inventory.Nodes.Values.FirstOrDefault(candidate => candidate.IsReachable) is { } any)
            _agents[any.Id].Tell(message.Message, Context.Parent);
    }

    /// <summary>Keeps the new inventory, passes its news on, and places what fits now.</summary>
    private void Take((Inventory Next, ImmutableArray<InventoryNews> News) change)
    {
        (_inventory, var placed) = change.Next.Place();
        foreach (var news in change.News.Concat(placed))
        {
            switch (news)
            {
                case NodeIsUp up: Tell(null, new NodeAppeared(up.Node, up.Incarnation, up.Running, up.IsOnlyMissing)); break;
                case NodeIsLost lost: Tell(null, new NodeLost(lost.Node, lost.Reason)); break;
                case Placed given: Tell(given.Trial.Sweep, new SlotsGranted(given.Trial.Number, given.Attempt, given.Members, given.Fingerprint)); break;
                case SlotsWanted wanted: Tell(wanted.Trial.Sweep, new YieldSlots(wanted.Trial.Number, wanted.Attempt, wanted.Cause)); break;
                case SlotsAreComing coming: Tell(coming.Trial.Sweep, new SlotsComing(coming.Trial.Number, coming.Attempt)); break;
                case KeptAreGone gone: Tell(gone.Trial.Sweep, new SlotsGone(gone.Trial.Number, gone.Attempt, gone.Ranks)); break;
                case NodeIsSuspect suspect: Context.Parent.Tell(new NodeKeepsFailing(suspect.Node, suspect.Reason)); break;
                default: throw new InvalidOperationException($"{news.GetType().Name} is no news of an inventory.");
            }
        }
    }

    private static void Tell(SweepId? sweep, SweepCommand command) => Context.Parent.Tell(new SweepMail(sweep, command));

    private sealed record Dialled(NodeId Node, IActorRef Agent, bool IsGone);

    private sealed record NoticeSilence
    {
        public static readonly NoticeSilence Instance = new();
    }
}

using System.Collections.Immutable;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Placement;

public sealed class InventoryTests
{
    private static readonly SweepId Sweep = new("tiny");
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Nodes as name:slots(xthreads)(device), what is asked for, and where each rank goes; "-" where it must wait.</summary>
    [Theory]
    [InlineData("a:1", 1, 1, "auto", "a")]
    [InlineData("a:1", 2, 1, "auto", "-")]                           // all or none
    [InlineData("a:1 b:1", 2, 1, "auto", "a b")]
    [InlineData("a:1 b:2", 2, 1, "auto", "b b")]                     // one machine if it has room
    [InlineData("a:4 b:2", 2, 1, "auto", "b b")]                     // and the fullest of those: big holes stay for big trials
    [InlineData("a:2 b:3 c:2", 4, 1, "auto", "b b b a")]             // few machines
    [InlineData("b:1 a:1", 1, 1, "auto", "a")]                       // ties by name
    [InlineData("a:2x1", 1, 2, "auto", "a")]                         // two threads take two slots of one
    [InlineData("a:2x1", 2, 2, "auto", "-")]
    [InlineData("a:2x4", 2, 4, "auto", "a a")]
    [InlineData("a:1", 1, 1, "cuda", "-")]
    [InlineData("a:1 g:1x1cuda", 1, 8, "cuda", "g")]                 // a GPU is one slot, whatever the threads
    [InlineData("g:1x1cuda a:1", 1, 1, "cpu", "a")]
    public void Place_GivesRoomToAllRanksOrNone(string nodes, int ranks, int threads, string device, string expected)
    {
        var inventory = With(nodes).Ask(new TrialId(Sweep, 0), 1, ranks, threads, device);
        var (next, news) = inventory.Place();
        Assert.Equal(expected, Where(news));
        Assert.Equal(expected == "-" ? 1 : 0, next.Requests.Count);
    }

    [Fact]
    public void Place_NeverGivesASlotTwice()
    {
        var inventory = With("a:2");
        for (var trial = 0; trial < 5; trial++) inventory = inventory.Ask(new TrialId(Sweep, trial), 1, 1, 1, "auto");
        var (next, news) = inventory.Place();
        Assert.Equal(2, news.Length);
        Assert.Equal(0, next.Find(new NodeId("a"))!.FreeSlots);
        Assert.Empty(next.Place().News);
        next = next.Free(new NodeId("a"), new RankId(new TrialId(Sweep, 0), 1, 0));
        Assert.Equal(2, Assert.IsType<Placed>(Assert.Single(next.Place().News)).Trial.Number);
    }

    [Fact]
    public void ASmallRequest_PassesALargeOneThatFitsNowhere()
    {
        var (_, news) = With("a:2").Ask(new TrialId(Sweep, 0), 1, 3, 1, "auto").Ask(new TrialId(Sweep, 1), 1, 1, 1, "auto").Place();
        Assert.Equal(1, Assert.IsType<Placed>(Assert.Single(news)).Trial.Number);
    }

    [Fact]
    public void AskingAgain_ReplacesTheRequest()
    {
        var inventory = Inventory.Empty.Ask(new TrialId(Sweep, 0), 1, 1, 1, "auto").Ask(new TrialId(Sweep, 0), 2, 1, 1, "auto");
        Assert.Equal(2, Assert.Single(inventory.Requests).Value.Attempt);
        Assert.Empty(inventory.Withdraw(new TrialId(Sweep, 0)).Requests);
    }

    [Fact]
    public void ARepeatedRegistration_BringsNoNews()
    {
        var (inventory, first) = Inventory.Empty.Register(Node("a", 1), Now);
        Assert.IsType<NodeIsUp>(Assert.Single(first));
        Assert.Empty(inventory.Register(Node("a", 1), Now).News);
    }

    [Fact]
    public void ALostNode_TakesNothing_UntilItRegistersAgain()
    {
        var (inventory, news) = With("a:1").Lose(new NodeId("a"), "gone");
        Assert.IsType<NodeIsLost>(Assert.Single(news));
        Assert.Empty(inventory.Lose(new NodeId("a"), "gone").News);
        inventory = inventory.Ask(new TrialId(Sweep, 0), 1, 1, 1, "auto");
        Assert.Empty(inventory.Place().News);
        (inventory, news) = inventory.Register(Node("a", 1), Now);
        Assert.IsType<NodeIsUp>(Assert.Single(news));
        Assert.Single(inventory.Place().News);
    }

    [Fact]
    public void ASlotThatWasGranted_StaysTaken_WhileItsStartIsOnTheWay()
    {
        var inventory = Granted();
        (inventory, var news) = inventory.Register(Node("a", 1), Now);
        Assert.IsType<NodeIsUp>(Assert.Single(news));           // a sweep that waits for it to stop must hear that it never ran
        Assert.Equal(0, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void ARankThatIsNoLongerListed_IsNewsAndItsSlotIsFree()
    {
        var rank = new RunningRank(new TrialId(Sweep, 0), 1, 0, 1, 77, false);
        var (inventory, _) = Granted().Register(Node("a", 1, [rank]), Now);
        Assert.Equal(0, inventory.Find(new NodeId("a"))!.FreeSlots);
        (inventory, var news) = inventory.Register(Node("a", 1), Now);
        Assert.IsType<NodeIsUp>(Assert.Single(news));
        Assert.Equal(1, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void ARankNobodyAskedFor_TakesItsSlotAndIsNews()
    {
        var (inventory, news) = With("a:1").Register(Node("a", 1, [new RunningRank(new TrialId(Sweep, 9), 1, 0, 1, 77, false)]), Now);
        Assert.IsType<NodeIsUp>(Assert.Single(news));
        Assert.Equal(0, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void AnExitedProcess_HoldsNoSlot()
    {
        var (inventory, _) = With("a:1").Register(Node("a", 1, [new RunningRank(new TrialId(Sweep, 0), 1, 0, 1, 77, HasExited: true)]), Now);
        Assert.Equal(1, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void AReleasedSlotOfARankThatMayRun_IsFreeWhenTheNodeSaysSo()
    {
        var rank = new RunningRank(new TrialId(Sweep, 0), 1, 0, 1, 77, false);
        var (inventory, _) = Granted().Register(Node("a", 1, [rank]), Now);
        inventory = inventory.Release(new TrialId(Sweep, 0), 1, [new Member(0, new NodeId("a"), 1, 1)], mayRun: true);
        Assert.Equal(0, inventory.Find(new NodeId("a"))!.FreeSlots);
        (inventory, var news) = inventory.Register(Node("a", 1), Now);
        Assert.Empty(news);                 // nobody waits for it any more
        Assert.Equal(1, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Theory]
    [InlineData(false, 1, 1)]               // never started
    [InlineData(true, 1, 0)]                // its start may be on the way
    [InlineData(true, 2, 1)]                // the agent that had it is gone
    public void AReleasedGrant_IsFreeAtOnce_UnlessItMayRun(bool mayRun, long incarnationNow, int free)
    {
        var inventory = Granted();
        inventory = inventory with { Nodes = inventory.Nodes.SetItem("a", inventory.Nodes["a"] with { Registration = Node("a", 1) with { Incarnation = incarnationNow } }) };
        inventory = inventory.Release(new TrialId(Sweep, 0), 1, [new Member(0, new NodeId("a"), 1, 1)], mayRun);
        Assert.Equal(free, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void WhatWasHeldBeforeARestart_IsTakenFromTheFirstRegistrationOn()
    {
        var inventory = Inventory.Empty.Hold(new TrialId(Sweep, 0), 1, [new Member(0, new NodeId("a"), 1, 1)], Now);
        (inventory, var news) = inventory.Register(Node("a", 1), Now);
        Assert.IsType<NodeIsUp>(Assert.Single(news));
        Assert.Equal(0, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void ANodeThatDoesNotComeBackAfterARestart_IsLost()
    {
        var inventory = Inventory.Empty.Hold(new TrialId(Sweep, 0), 1, [new Member(0, new NodeId("a"), 1, 1)], Now);
        Assert.Empty(inventory.NoticeSilence(Now + Inventory.RejoinLimit).News);
        (inventory, var news) = inventory.NoticeSilence(Now + Inventory.RejoinLimit + TimeSpan.FromSeconds(1));
        Assert.Equal(new NodeId("a"), Assert.IsType<NodeIsLost>(Assert.Single(news)).Node);
        Assert.Empty(inventory.NoticeSilence(Now + TimeSpan.FromHours(1)).News);
    }

    [Fact]
    public void WhatWasReleasedBeforeItsNodeCameBack_IsFree()
    {
        ImmutableArray<Member> members = [new Member(0, new NodeId("a"), 1, 1)];
        var inventory = Inventory.Empty.Hold(new TrialId(Sweep, 0), 1, members, Now).Release(new TrialId(Sweep, 0), 1, members, mayRun: true);
        (inventory, _) = inventory.Register(Node("a", 1), Now);
        Assert.Equal(1, inventory.Find(new NodeId("a"))!.FreeSlots);
    }

    [Fact]
    public void ASilentNode_IsLost()
    {
        var (_, news) = With("a:1").NoticeSilence(Now + Inventory.SilenceLimit + TimeSpan.FromSeconds(1));
        Assert.IsType<NodeIsLost>(Assert.Single(news));
    }

    [Fact]
    public void ANodeThatLeaves_IsGone_ButNotForAMessageOfItsEarlierLife()
    {
        Assert.Empty(With("a:1").Leave(new NodeId("a"), 0).News);
        var (inventory, news) = With("a:1").Leave(new NodeId("a"), 1);
        Assert.IsType<NodeIsLost>(Assert.Single(news));
        Assert.Empty(inventory.Nodes);
    }

    [Theory]
    [InlineData("0.2.0", 1, 1, "version")]
    [InlineData("0.1.0", 0, 1, "slots")]
    [InlineData("0.1.0", 1, 0, "slots")]
    [InlineData("0.1.0", 1, 1, null)]
    public void AnAgentThatCannotServe_IsToldWhy(string version, int slots, int threads, string? reason)
    {
        var refused = Inventory.Refuse(Node("a", slots) with { Version = version, ThreadsPerSlot = threads }, "0.1.0");
        if (reason is null) Assert.Null(refused);
        else Assert.Contains(reason, refused, StringComparison.Ordinal);
    }

    [Fact]
    public void ARequestThatNoNodeCouldServe_IsExplained()
    {
        var inventory = With("a:2x1").Ask(new TrialId(Sweep, 0), 1, 1, 4, "auto");
        Assert.Contains("4 threads", inventory.CannotEverPlace(inventory.Requests.Values.Single()), StringComparison.Ordinal);
        inventory = With("a:4x1").Ask(new TrialId(Sweep, 0), 1, 1, 4, "auto");
        Assert.Null(inventory.CannotEverPlace(inventory.Requests.Values.Single()));
    }

    private static Inventory Granted() => With("a:1").Ask(new TrialId(Sweep, 0), 1, 1, 1, "auto").Place().Next;

    private static string Where(ImmutableArray<InventoryNews> news) =>
        news.IsEmpty ? "-" : string.Join(' ', Assert.IsType<Placed>(Assert.Single(news)).Members.Select(member => member.Node.Value));

    private static Inventory With(string nodes)
    {
        var inventory = Inventory.Empty;
        foreach (var text in nodes.Split(' '))
        {
            var (name, rest) = (text.Split(':')[0], text.Split(':')[1]);
            var isGpu = rest.EndsWith("cuda", StringComparison.Ordinal);
            var numbers = rest.Replace("cuda", "", StringComparison.Ordinal).Split('x').Select(int.Parse).ToArray();
            inventory = inventory.Register(Node(name, numbers[0]) with { ThreadsPerSlot = numbers.ElementAtOrDefault(1) is > 0 and var threads ? threads : 1, Device = isGpu ? "cuda" : "cpu" }, Now).Next;
        }
        return inventory;
    }

    private static RegisterNode Node(string name, int slots, ImmutableArray<RunningRank> running = default) =>
        new(new NodeId(name), 1, "host", slots, 1, "cpu", 1, "0.1.0", "f", running.IsDefault ? [] : running);
}

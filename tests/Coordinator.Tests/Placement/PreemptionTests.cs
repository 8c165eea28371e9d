using Volley.Coordinator.Placement;
using Volley.Shared.Identifiers;
using static Volley.Coordinator.Tests.Placement.TestInventory;

namespace Volley.Coordinator.Tests.Placement;

public sealed class PreemptionTests
{
    /// <summary>Nodes, what runs (oldest first), who asks for how many ranks, and who is stopped for it.</summary>
    [Theory]
    [InlineData("a:1", "low=a", "high", 1, "low")]
    [InlineData("a:1", "high=a", "high/1", 1, "")]                                   // of equals nobody gives way
    [InlineData("a:1", "high=a", "low", 1, "")]
    [InlineData("a:2", "low=a", "high", 1, "")]                                      // there is room
    [InlineData("a:1 b:1", "low=a mid=b", "high", 1, "low")]                         // the lowest priority
    [InlineData("a:1 b:1", "low=a low/1=b", "high", 1, "low/1")]                     // of these the youngest
    [InlineData("a:1", "low=a", "high", 2, "")]                                      // never for nothing: it would not fit anyway
    [InlineData("a:2 b:1", "low=a top=a high/1=b", "high", 2, "")]                   // nor if higher ones hold the rest
    [InlineData("a:2", "low=a low/1=a", "high", 2, "low low/1")]
    [InlineData("a:2 b:1", "low=a top=a", "high", 2, "low")]                         // one, and the slot that is free
    [InlineData("a:2 b:2", "low=a low/1=a low/2=b mid=b", "high", 2, "low low/1")]   // one machine, and nobody of a higher priority than must
    [InlineData("a:3", "low=a low/1=a,a", "high", 2, "low/1")]                       // one attempt rather than two
    [InlineData("a:2 b:2", "low=a,b low/1=a low/2=b", "high", 1, "low/2")]           // fewest slots lost
    [InlineData("a:1 b:1", "low=a low/1=b", "high", 2, "low low/1")]                 // over two machines where no one has room for all
    [InlineData("a:2 b:4", "low=a low/1=a mid=b,b,b,b", "high", 2, "low low/1")]     // two of the lowest rather than one of a higher
    public void ARequest_StopsTheFewestOfTheLowestPriority(string nodes, string running, string asks, int ranks, string expected)
    {
        var inventory = With(nodes).Running(running).Ask(TrialOf(asks), 1, ranks, 1, "auto");
        var (next, news) = inventory.Place();
        Assert.Equal(expected, Stopped(news));
        if (expected.Length == 0) return;

        // It is placed with exactly that, and nobody is stopped twice for it.
        Assert.Empty(Started(news));
        Assert.Equal(TrialOf(asks), Assert.Single(news.OfType<SlotsAreComing>()).Trial);
        Assert.Empty((next with { IsSettled = false }).Place().News);
        foreach (var victim in expected.Split(' '))
        {
            Assert.Empty(next.Place().News);
            next = next.Ended(victim);
        }
        Assert.StartsWith(asks + "=", Started(next.Place().News), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsFreedForARequest_IsKeptFromLowerOnes()
    {
        var (inventory, _) = With("a:2").Running("low=a low/1=a").Ask(TrialOf("high"), 1, 2, 1, "auto").Place();
        inventory = inventory.Ask(TrialOf("low/2"), 1, 1, 1, "auto").Ask(TrialOf("mid"), 1, 1, 1, "auto").Ended("low");
        (inventory, var news) = inventory.Place();
        Assert.Empty(Started(news));
        (_, news) = inventory.Ended("low/1").Place();
        Assert.Equal("high=a,a", Started(news));
    }

    [Fact]
    public void AHigherRequest_TakesWhatWasFreedForALowerOne_WhichThenLooksAgain()
    {
        var (inventory, news) = With("a:1 b:1").Running("low=a low/1=b").Ask(TrialOf("high"), 1, 1, 1, "auto").Place();
        Assert.Equal("low/1", Stopped(news));
        (inventory, news) = inventory.Ask(TrialOf("top"), 1, 1, 1, "auto").Place();
        Assert.Equal("low", Stopped(news));                 // one slot was on its way already; the other of the two needs another
        (inventory, news) = inventory.Ended("low/1").Place();
        Assert.Equal("top=b", Started(news));
        (_, news) = inventory.Ended("low").Place();
        Assert.Equal("high=a", Started(news));
    }

    [Fact]
    public void SlotsThatAreGivenUpAnyway_AreWaitedFor()
    {
        var inventory = With("a:2").Running("low=a low/1=a");
        inventory = inventory.Release(TrialOf("low"), 1, [new(0, new NodeId("a"), 1, 1)], mayRun: true).Ask(TrialOf("high"), 1, 1, 1, "auto");
        (inventory, var news) = inventory.Place();
        Assert.Empty(Stopped(news));
        Assert.Equal("high=a", Started(inventory.Ended("low").Place().News));
    }

    [Fact]
    public void APromiseThatCannotBeKept_IsMadeAnew()
    {
        var (inventory, news) = With("a:1 b:1").Running("mid=a low=b").Ask(TrialOf("high"), 1, 1, 1, "auto").Place();
        Assert.Equal("low", Stopped(news));
        (inventory, _) = inventory.Lose(new NodeId("b"), "gone");
        (_, news) = inventory.Place();
        Assert.Equal("mid", Stopped(news));
    }

    [Fact]
    public void AWithdrawnRequest_FreesNothingMore()
    {
        var (inventory, _) = With("a:1").Running("low=a").Ask(TrialOf("high"), 1, 1, 1, "auto").Place();
        inventory = inventory.Withdraw(TrialOf("high"));
        Assert.Empty(inventory.Promises);
        Assert.Equal("low/1=a", Started(inventory.Ask(TrialOf("low/1"), 1, 1, 1, "auto").Ended("low").Place().News));
    }

    [Fact]
    public void WhoeverDoesNotStop_IsReminded()
    {
        var (inventory, _) = With("a:1").Running("low=a").Ask(TrialOf("high"), 1, 1, 1, "auto").Place();
        Assert.Equal("low", Stopped(inventory.NoticeSilence(Now).News));
        Assert.Empty(Stopped(inventory.Ended("low").NoticeSilence(Now).News));
    }

    [Fact]
    public void APriorityThatRises_CountsForWhatWaitsAlready()
    {
        var inventory = With("a:1").Running("mid=a").Ask(TrialOf("low"), 1, 1, 1, "auto").Place().Next;
        Assert.Equal("mid", Stopped(inventory.Prioritise(new SweepId("low"), 50).Place().News));
    }

    [Fact]
    public void HigherPriorities_AreServedFirst()
    {
        var inventory = With("a:1").Running("").Ask(TrialOf("low"), 1, 1, 1, "auto").Ask(TrialOf("high"), 1, 1, 1, "auto").Ask(TrialOf("mid"), 1, 1, 1, "auto");
        Assert.Equal("high=a", Started(inventory.Place().News));
    }

    [Fact]
    public void TheSameInventory_GivesTheSameAnswer()
    {
        Assert.Equal(Once(), Once());
        static string Once() => Stopped(With("a:2 b:2 c:2").Running("low=a low/1=b low/2=c mid=a mid/1=b mid/2=c").Ask(TrialOf("high"), 1, 3, 1, "auto").Place().News);
    }
}

using Volley.Coordinator.Placement;
using Volley.Shared.Identifiers;
using static Volley.Coordinator.Tests.Placement.TestInventory;

namespace Volley.Coordinator.Tests.Placement;

/// <summary>Two agents with one name, and one agent that was started again.</summary>
public sealed class AdmissionTests
{
    private const string Old = "akka.tcp://volley@10.0.0.1:1";
    private const string New = "akka.tcp://volley@10.0.0.1:2";

    /// <summary>A clock that was set back an hour gives a restarted agent a lower incarnation.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(-3_600_000)]
    public void ARestart_OnTheSameAddress_IsTakenAtOnce_WhateverItsClockSays(long incarnation) =>
        Assert.True(Living().Admit(Node("a", 1, incarnation: incarnation), "0.1.0", Old, Now).Verdict.IsAdmitted);

    [Fact]
    public void ARestart_OnAnotherAddress_IsTakenWhenItsPredecessorIsSilent()
    {
        var (inventory, first) = Living().Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now);
        Assert.Equal(new Admission(false, null), first);
        (inventory, var later) = inventory.Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now + TimeSpan.FromSeconds(4));
        Assert.Equal(new Admission(false, null), later);
        (inventory, var last) = inventory.Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now + TimeSpan.FromSeconds(6));
        Assert.True(last.IsAdmitted);
        Assert.Empty(inventory.Rivals);
    }

    [Fact]
    public void ARestart_IsTakenAtOnce_WhenItsPredecessorWasLost() =>
        Assert.True(Living().Lose(new NodeId("a"), "gone").Next.Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now).Verdict.IsAdmitted);

    [Fact]
    public void ASecondAgentOfThatName_IsRefused_WhenTheFirstIsHeardAgain()
    {
        var (inventory, _) = Living().Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now);
        inventory = inventory.Register(Node("a", 1), Now + TimeSpan.FromSeconds(2), Old).Next;
        (inventory, var verdict) = inventory.Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now + TimeSpan.FromSeconds(2.1));
        Assert.Contains("alive at host", verdict.Refusal, StringComparison.Ordinal);
        // The first goes on as ever, and if it ends the second is as good as any.
        Assert.True(inventory.Admit(Node("a", 1), "0.1.0", Old, Now + TimeSpan.FromSeconds(4)).Verdict.IsAdmitted);
        Assert.True(inventory.Lose(new NodeId("a"), "gone").Next.Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now).Verdict.IsAdmitted);
    }

    /// <summary>It was on its way when its sender died, and came after the successor's first.</summary>
    [Fact]
    public void ARegistrationOfTheDead_ProvesNothing()
    {
        var (inventory, _) = Living().Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now);
        inventory = inventory.Register(Node("a", 1), Now + TimeSpan.FromSeconds(0.2), Old).Next;
        Assert.Null(inventory.Admit(Node("a", 1, incarnation: 2), "0.1.0", New, Now + TimeSpan.FromSeconds(2)).Verdict.Refusal);
    }

    /// <summary>An agent that rebuilt its actor system has another address and is the same agent.</summary>
    [Fact]
    public void TheSameIncarnation_MayMove()
    {
        Assert.True(Living().Admit(Node("a", 1), "0.1.0", New, Now).Verdict.IsAdmitted);
        Assert.Equal(New, Living().Register(Node("a", 1), Now, New).Next.Find(new NodeId("a"))!.Address);
    }

    [Fact]
    public void AnotherVersion_IsRefused_WhoeverIsThere() =>
        Assert.Contains("0.0.9", Inventory.Empty.Admit(Node("a", 1) with { Version = "0.0.9" }, "0.1.0", Old, Now).Verdict.Refusal, StringComparison.Ordinal);

    private static Inventory Living() => Inventory.Empty.Register(Node("a", 1), Now, Old).Next;
}

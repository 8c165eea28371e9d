using System.Collections.Immutable;
using Volley.Coordinator.Placement;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using static Volley.Coordinator.Tests.Placement.TestInventory;

namespace Volley.Coordinator.Tests.Placement;

/// <summary>Machines taken out of service: by a person, or because trials keep failing there.</summary>
public sealed class SetAsideTests
{
    private static readonly NodeId A = new("a");
    private static readonly NodeId B = new("b");

    [Theory]
    [InlineData(SetAsideKind.Drained)]
    [InlineData(SetAsideKind.Excluded)]
    [InlineData(SetAsideKind.Failing)]
    internal void ANodeThatIsSetAside_GetsNothingNew_UntilItIsTakenBack(SetAsideKind kind)
    {
        var inventory = With("a:1").Put(A, Why(kind)).Next.Ask(TrialOf("mid"), 1, 1, 1, "auto");
        Assert.Empty(inventory.Place().News);
        Assert.Empty(inventory.Register(Node("a", 1, incarnation: 2), Now).Next.Place().News);      // nor by being restarted
        Assert.Equal("mid=a", Started(inventory.Put(A, null).Next.Place().News));
    }

    [Fact]
    public void Draining_StopsWhatRunsThereGracefully_AndExcludingLosesIt()
    {
        var inventory = With("a:2 b:2").Running("mid=a mid/1=a,b mid/2=b");
        var (drained, news) = inventory.Put(A, Why(SetAsideKind.Drained));
        Assert.Equal("mid mid/1", Stopped(news));
        Assert.Equal("mid mid/1", Stopped(drained.NoticeSilence(Now).News));         // until they are gone
        Assert.Empty(Stopped(drained.Ended("mid").Ended("mid/1").NoticeSilence(Now).News));

        (_, news) = inventory.Put(A, Why(SetAsideKind.Excluded));
        Assert.Contains("bad fan", Assert.IsType<NodeIsLost>(Assert.Single(news)).Reason, StringComparison.Ordinal);
        Assert.Empty(inventory.Put(A, Why(SetAsideKind.Failing)).News);
    }

    [Fact]
    public void ANodeThatIsNotThere_MayBeSetAside_AndIsWhenItComes()
    {
        var inventory = Inventory.Empty.Put(A, Why(SetAsideKind.Excluded)).Next.Register(Node("a", 1), Now).Next;
        Assert.Equal(0, inventory.Find(A)!.FreeSlots);
    }

    /// <summary>Exits as node:trial:error, ok, user or lost; and whether node a is set aside at the end.</summary>
    [Theory]
    [InlineData("a:0:x a:1:y a:2:z", true)]
    [InlineData("a:0:x a:1:y", false)]
    [InlineData("a:0:x a:0:y a:0:z", false)]                     // one trial, three times
    [InlineData("a:0:x a:1:y a:3:ok a:2:z", false)]              // one did well in between
    [InlineData("a:0:x a:1:y a:2:user", false)]                  // a person's mistake
    [InlineData("a:0:x a:1:y a:2:lost", false)]
    [InlineData("a:0:x a:1:y b:1:y a:2:z", false)]               // trial 1 fails everywhere: its own fault
    [InlineData("a:0:x a:1:y b:1:q a:2:z", true)]                // one such elsewhere proves nothing
    [InlineData("a:0:x b:5:x a:1:y b:6:y a:2:z", false)]         // both machines: it is the sweep
    public void AMachineOnWhichTrialsKeepFailing_IsSuspect(string exits, bool expected)
    {
        var (inventory, suspects) = Take(With("a:9 b:9"), exits);
        Assert.Equal(expected ? [A] : [], suspects.Select(suspect => suspect.Node));
        if (expected) Assert.Contains("3 trials in a row", suspects[0].Reason, StringComparison.Ordinal);
        Assert.Empty(inventory.Put(A, null).Next.Suspicions.GetValueOrDefault(A) ?? []);
    }

    [Fact]
    public void TheLastMachine_IsNeverSetAside() => Assert.Empty(Take(With("a:9"), "a:0:x a:1:y a:2:z").Suspects);

    [Fact]
    public void AnExitThatComesTwice_CountsOnce()
    {
        var inventory = With("a:9 b:9").Running("mid=a");
        var rank = new RankId(TrialOf("mid"), 1, 0);
        (inventory, _) = inventory.Exit(A, rank, RankEnd.Failed, "x", false);
        (inventory, _) = inventory.Exit(A, rank, RankEnd.Finished, "", false);
        Assert.Single(inventory.Suspicions[A]);
    }

    /// <summary>Preferences, not conditions: a slot is never left idle for them.</summary>
    [Theory]
    [InlineData("a:1@avx2 b:1@avx512", "avx512", "", "b")]
    [InlineData("a:1@avx2 b:1@avx512", "avx2", "", "a")]
    [InlineData("a:1@avx2 b:1@avx512", "neon", "", "a")]
    [InlineData("a:1@avx2 b:1@avx512", "avx2", "a", "b")]        // it failed there
    [InlineData("a:1@avx2", "avx2", "a", "a")]
    [InlineData("a:1@avx2 b:1@avx512 c:1@avx512", "avx512", "b", "c")]
    public void ATrialPrefersItsNumerics_AndAvoidsWhereItFailed(string nodes, string fingerprint, string avoid, string expected)
    {
        var (_, news) = With(nodes).Ask(new(TrialOf("mid"), 2, 1, 1, "auto", fingerprint, avoid)).Place();
        Assert.Equal($"mid={expected}", Started(news));
    }

    [Fact]
    public void ASweepThatBeginsAnew_HoldsOnlyWhatItSays()
    {
        var inventory = With("a:3").Ask(TrialOf("mid"), 1, 1, 1, "auto").Ask(TrialOf("mid/1"), 1, 1, 1, "auto").Place().Next.Ask(TrialOf("mid/2"), 1, 9, 1, "auto");
        inventory = inventory.Forget(new SweepId("mid"));
        Assert.Empty(inventory.Requests);
        Assert.Equal(3, inventory.Find(A)!.FreeSlots);
        Assert.Equal(2, inventory.Hold(TrialOf("mid/1"), 1, [new(0, A, 1, 1)], Now).Find(A)!.FreeSlots);
    }

    [Fact]
    public void ARegistrationThatSaysNothingNew_LeavesTheInventorySettled()
    {
        var inventory = With("a:1 b:1").Ask(TrialOf("mid"), 1, 5, 1, "auto").Place().Next;
        Assert.True(inventory.IsSettled);
        Assert.True(inventory.Register(Node("a", 1), Now).Next.IsSettled);
        Assert.False(inventory.Register(Node("c", 1), Now).Next.IsSettled);
        Assert.False(inventory.Register(Node("a", 2), Now).Next.IsSettled);
    }

    private static SetAside Why(SetAsideKind kind) => new(kind, "bad fan", Now);

    private static (Inventory Inventory, ImmutableList<NodeIsSuspect> Suspects) Take(Inventory inventory, string exits)
    {
        var suspects = ImmutableList<NodeIsSuspect>.Empty;
        foreach (var text in exits.Split(' '))
        {
            var (node, trial, how) = (text.Split(':')[0], text.Split(':')[1], text.Split(':')[2]);
            inventory = inventory.Running($"mid/{trial}={node}");
            var end = how switch { "ok" => RankEnd.Finished, "lost" => RankEnd.Lost, _ => RankEnd.Failed };
            (inventory, var news) = inventory.Exit(new NodeId(node), new RankId(TrialOf($"mid/{trial}"), 1, 0), end, how, how == "user");
            suspects = suspects.AddRange(news.Cast<NodeIsSuspect>());
        }
        return (inventory, suspects);
    }
}

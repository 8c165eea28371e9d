using Volley.Coordinator.Placement;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Placement;

public sealed class CopyTargetTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // name@host, "!" unreachable, "-" without HTTP, "~" draining, "x" excluded, "f" failing.
    [Theory]
    [InlineData("a", "a@1", "", null)]                              // alone
    [InlineData("a", "a@1 b@2 c@3", "", "b")]                       // the next by name
    [InlineData("b", "a@1 b@2 c@3", "", "c")]
    [InlineData("c", "a@1 b@2 c@3", "", "a")]                       // round
    [InlineData("a", "a@1 b@1 c@3", "", "c")]                       // another machine first
    [InlineData("a", "a@1 b@1", "", "b")]                           // better than none
    [InlineData("a", "a@1 b@2 c@3", "b", "c")]
    [InlineData("a", "a@1 b@2 c@3", "b c", null)]
    [InlineData("a", "a@1 b@2! c@3- d@4~ e@5x", "", null)]
    [InlineData("a", "a@1 b@2f", "", "b")]                          // it can still hold bytes
    [InlineData("gone", "a@1 b@2", "", "a")]
    public void ACopy_GoesTo(string source, string nodes, string tried, string? expected) =>
        Assert.Equal(expected, Of(nodes).CopyTarget(new NodeId(source), [.. Names(tried).Select(name => new NodeId(name))])?.Value);

    [Fact]
    public void Addresses_AreThoseOfNow_TheReachableFirst_AndNotTooMany()
    {
        var inventory = Of("a@1! b@2 c@3 d@4 e@5");
        var checkpoint = new CheckpointReference(1, "1.a1", "00") { Holders = [.. "abcde".Select(name => new CheckpointHolder(new NodeId($"{name}"), ""))] };
        var copy = (CopyCheckpoint)inventory.WithAddresses(new CopyCheckpoint(1, new TrialId(new SweepId("s"), 0), 1, "s/0000", checkpoint, 1));
        Assert.Equal([new CheckpointHolder(new NodeId("b"), "2:80"), new CheckpointHolder(new NodeId("c"), "3:80"), new CheckpointHolder(new NodeId("d"), "4:80")], copy.Checkpoint.Holders!.Value);

        var shared = new StartRank(1, copy.Trial, 1, 0, 1, 1, "{}", "/c", "", "", [new CheckpointReference(1, "1.a1", "00")]);
        Assert.Equal(shared, inventory.WithAddresses(shared));
    }

    private static Inventory Of(string nodes)
    {
        var inventory = Inventory.Empty;
        foreach (var text in Names(nodes))
        {
            var (name, host) = (new NodeId(text[..text.IndexOf('@', StringComparison.Ordinal)]), text[text.IndexOf('@', StringComparison.Ordinal) + 1].ToString());
            var registration = new RegisterNode(name, 1, host, 1, 1, "cpu", 1, "0.1.0", "f", [], Draining: text.EndsWith('~')) { HttpAddress = text.EndsWith('-') ? "" : $"{host}:80" };
            inventory = inventory.Register(registration, Now).Next;
            if (text.EndsWith('!')) inventory = inventory.Lose(name, "gone").Next;
            if (text.EndsWith('x')) inventory = inventory.Put(name, new SetAside(SetAsideKind.Excluded, "no", Now)).Next;
            if (text.EndsWith('f')) inventory = inventory.Put(name, new SetAside(SetAsideKind.Failing, "no", Now)).Next;
        }
        return inventory;
    }

    private static string[] Names(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

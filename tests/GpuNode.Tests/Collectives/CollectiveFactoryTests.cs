using Volley.GpuNode.Collectives;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class CollectiveFactoryTests
{
    [Theory]
    [InlineData("a", "Shm")]
    [InlineData("a a", "Shm")]
    [InlineData("a b", "Tcp")]
    [InlineData("a a b", "Hierarchical")]
    [InlineData("a b a b", "Hierarchical")]
    public void Choose_GoesByWhereTheRanksAre(string machines, string expected) =>
        Assert.Equal(expected, CollectiveFactory.Choose(Group(machines), TransportChoice.Auto).ToString());

    [Fact]
    public void Choose_DoesAsItIsTold() => Assert.Equal(TransportChoice.Tcp, CollectiveFactory.Choose(Group("a a"), TransportChoice.Tcp));

    [Fact]
    public void Choose_RefusesToShareMemoryBetweenMachines()
    {
        var error = Assert.Throws<UserErrorException>(() => CollectiveFactory.Choose(Group("a b"), TransportChoice.Shm));
        Assert.Contains("2 machines (a, b)", error.Message, StringComparison.Ordinal);
    }

    private static GroupDescription Group(string machines) => new(
        "test", 1, [.. machines.Split(' ').Select((machine, rank) => new GroupMember(rank, machine, "127.0.0.1", 0, -1))], machines.Length, "none", new byte[32]);
}

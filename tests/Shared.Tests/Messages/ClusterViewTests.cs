using System.Text.Json;
using Volley.Shared.Messages;

namespace Volley.Shared.Tests.Messages;

public sealed class ClusterViewTests
{
    private static readonly CoordinatorMember A = new("akka.tcp://volley@10.0.0.1:4053", 1);
    private static readonly CoordinatorMember AgainA = A with { Uid = 2 };
    private static readonly CoordinatorMember B = new("akka.tcp://volley@10.0.0.2:4053", 1);

    public static TheoryData<string, CoordinatorMember[], CoordinatorMember[], bool> Cases => new()
    {
        { "nothing has happened", [A], [A], false },
        { "the only coordinator was started again: a cluster of its own", [A], [AgainA], true },
        { "it has not joined anything yet", [A], [], false },
        { "one of several was started again, the others are still there", [A, B], [AgainA, B], false },
        { "all were started again", [A, B], [AgainA, B with { Uid = 2 }], true },
        { "the agent has not seen the second one yet", [A], [A, B], false },
        { "it came back elsewhere", [A], [B], true },
    };

    [Theory, MemberData(nameof(Cases))]
    public void AnotherCluster_IsOneThatSharesNoCoordinator(string what, CoordinatorMember[] known, CoordinatorMember[] answered, bool isAnother) =>
        Assert.True(new ClusterView { Coordinators = [.. answered], Seeds = [A.Address] }.IsAnother(known, [A.Address]) == isAnother, what);

    [Fact]
    public void AnAgentThatHasNotJoined_StartsOver_WhenTheSeedsHaveChanged()
    {
        Assert.True(new ClusterView { Coordinators = [B], Seeds = [B.Address] }.IsAnother([], [A.Address]));
        Assert.False(new ClusterView { Coordinators = [A], Seeds = [A.Address] }.IsAnother([], [A.Address]));
    }

    [Fact]
    public void TheAnswer_SurvivesJson()
    {
        var view = new ClusterView { Product = ClusterView.ProductName, Version = "1.2.3", ClusterName = "lab", Seeds = [A.Address, B.Address], Coordinators = [A] };
        var back = JsonSerializer.Deserialize<ClusterView>(JsonSerializer.Serialize(view, ClusterView.Json), ClusterView.Json)!;
        Assert.Equal((view.Product, view.Version, view.ClusterName), (back.Product, back.Version, back.ClusterName));
        Assert.Equal(view.Seeds, back.Seeds.AsEnumerable());
        Assert.Equal(view.Coordinators, back.Coordinators.AsEnumerable());
    }
}

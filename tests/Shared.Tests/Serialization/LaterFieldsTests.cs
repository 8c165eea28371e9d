using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Serialization;

namespace Volley.Shared.Tests.Serialization;

/// <summary>Fields that came after the first release: they travel, and a message without them still has its old bytes (the fixtures hold that).</summary>
public sealed class LaterFieldsTests
{
    private static readonly TrialId Trial = new(new SweepId("sdt-vs-vit"), 7);

    public static TheoryData<IVolleyMessage, string> Messages => new()
    {
        { new ProgressReport(Trial, 3, 1, 4, 30, 1234, 9000, 0.75, 81.5, StartStep: 1200, SecondsSinceFirstStep: 2.5), "progress-report.v1" },
        { new RankExited(Trial, 3, 1, new NodeId("gpu-03"), RankEnd.Lost, null, "killed", false, [], StartStep: 0, LastStep: 1234), "rank-exited.v1" },
        { new RankExited(Trial, 3, 1, new NodeId("gpu-03"), RankEnd.Lost, null, "killed", false, []), "rank-exited.v1" },
    };

    [Theory, MemberData(nameof(Messages))]
    public void TheyComeBackEqual(IVolleyMessage message, string manifest) =>
        Assert.Equal(message, VolleySerializer.Deserialize(VolleySerializer.Serialize(message), manifest));
}

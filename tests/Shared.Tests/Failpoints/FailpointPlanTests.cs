using Volley.Shared.Failpoints;

namespace Volley.Shared.Tests.Failpoints;

public sealed class FailpointPlanTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vf-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void APoint_FiresAtTheHitThatIsMeant_AndOnlyThere()
    {
        var plan = FailpointPlan.Parse("rank.mid-step=error@3", null);
        var fired = Enumerable.Range(1, 6).Where(_ => Fires(plan, "rank.mid-step")).ToArray();
        Assert.Equal([3], fired);
        Assert.False(Fires(plan, "rank.in-evaluation"));
    }

    [Fact]
    public void ADetail_CountsOnlyItsOwnHits()
    {
        var plan = FailpointPlan.Parse("coordinator.after-persist/AttemptStarted=error@2", null);
        Assert.False(Fires(plan, "coordinator.after-persist", "AttemptStarted"));
        Assert.False(Fires(plan, "coordinator.after-persist", "AttemptEnded"));
        Assert.True(Fires(plan, "coordinator.after-persist", "AttemptStarted"));
    }

    [Fact]
    public void WithADirectory_ItFiresInOneProcessOnly_AndSaysInWhich()
    {
        var (first, second) = (FailpointPlan.Parse("rank.mid-step=error", _folder), FailpointPlan.Parse("rank.mid-step=error", _folder));
        Assert.True(Fires(first, "rank.mid-step"));
        Assert.False(Fires(second, "rank.mid-step"));
        var marker = Assert.Single(Directory.EnumerateFiles(_folder));
        Assert.Equal(("rank.mid-step", $"{Environment.ProcessId}"), (Path.GetFileName(marker), File.ReadAllText(marker)));
    }

    [Fact]
    public void SeveralPoints_AreIndependent()
    {
        var plan = FailpointPlan.Parse("rank.mid-step=error@2, checkpoint.before-write=error", null);
        Assert.True(Fires(plan, "checkpoint.before-write"));
        Assert.False(Fires(plan, "rank.mid-step"));
        Assert.True(Fires(plan, "rank.mid-step"));
    }

    [Theory]
    [InlineData("rank.midstep=kill", "rank.mid-step")]
    [InlineData("rank.mid-step=explode", "kill, stop, error")]
    [InlineData("rank.mid-step", "kill, stop, error")]
    [InlineData("rank.mid-step=kill@0", "@0")]
    [InlineData("rank.mid-step=kill@x", "@x")]
    public void AnythingElse_IsRefused_WithWhatThereIs(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<UserErrorException>(() => FailpointPlan.Parse(text, null)).Message, StringComparison.Ordinal);

    [Fact]
    public void AMissingDirectory_IsRefused() =>
        Assert.Throws<UserErrorException>(() => FailpointPlan.Parse("rank.mid-step=kill", Path.Combine(_folder, "nowhere")));

    private static bool Fires(FailpointPlan plan, string name, string detail = "")
    {
        try
        {
            plan.Hit(name, detail);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}

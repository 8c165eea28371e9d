using Google.Protobuf;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Rank;

namespace Volley.GpuNode.Tests.Rank;

public sealed class GroupLifeTests
{
    private static readonly JoinAttempt Second = new() { Attempt = 2, ResumeFrom = { new CheckpointToResume { Step = 7 } } };

    [Fact]
    public void ARank_Announces_ThenWaits_ThenConnects_ThenTrains()
    {
        var life = new GroupLife(1);
        Assert.Equal(GroupTask.Announce, life.Next);
        life = life.Announced();
        Assert.Equal(GroupTask.WaitForMembers, life.Next);
        life = life.Hear(Form(1));
        Assert.Equal(GroupTask.Connect, life.Next);
        life = life.Connecting();
        Assert.Equal(GroupTask.Carry, life.Next);
        life = life.Connected(life.Form!);
        Assert.Equal((GroupTask.Carry, true), (life.Next, life.IsConnected));
    }

    [Fact]
    public void ASecondGroupOfTheSameAttempt_BeginsAnew_WhileNothingIsConnected()
    {
        var life = Connecting();
        var again = life.Hear(Form(1, secret: 2));
        Assert.Equal(GroupTask.Connect, again.Next);
        // What the first one may still come to does not count.
        Assert.False(again.Connected(life.Form!).IsConnected);
    }

    [Fact]
    public void ASecondGroupOfTheSameAttempt_IsIgnored_WhenConnected()
    {
        var life = Connecting();
        life = life.Connected(life.Form!);
        Assert.Equal(life, life.Hear(Form(1, secret: 2)));
    }

    [Fact]
    public void TheSameGroupTwice_IsOnce()
    {
        var life = Connecting();
        Assert.Same(life, life.Hear(Form(1)));
    }

    [Fact]
    public void AfterALoss_OnlyANewerAttemptGoesOn()
    {
        var life = Connecting().Over(1);
        Assert.Equal(GroupTask.WaitForAttempt, life.Next);
        Assert.Equal(GroupTask.WaitForAttempt, life.Hear(Form(1, secret: 2)).Next);
        Assert.Equal(GroupTask.WaitForAttempt, life.Hear(new JoinAttempt { Attempt = 1 }).Next);
        life = life.Hear(Second);
        Assert.Equal((GroupTask.Announce, 2), (life.Next, life.Attempt));
        Assert.Equal(7, Assert.Single(life.ResumeFrom!.Value).Step);
    }

    [Fact]
    public void ANewerAttempt_MayComeBeforeTheLossIsSeen()
    {
        var life = Connecting().Hear(Second);
        Assert.Equal(GroupTask.Announce, life.Next);
        // The old group's end is no end of the new attempt.
        Assert.Equal(GroupTask.Announce, life.Over(1).Next);
    }

    [Fact]
    public void AnOldAttempt_IsDropped()
    {
        var life = new GroupLife(3).Announced();
        Assert.Same(life, life.Hear(Second));
        Assert.Same(life, life.Hear(Form(2)));
        // Nor is one of the future understood: its JoinAttempt has not come.
        Assert.Same(life, life.Hear(Form(4)));
    }

    private static GroupLife Connecting() => new GroupLife(1).Announced().Hear(Form(1)).Connecting();

    private static FormGroup Form(int attempt, byte secret = 1) => new() { Attempt = attempt, Secret = ByteString.CopyFrom([secret]) };
}

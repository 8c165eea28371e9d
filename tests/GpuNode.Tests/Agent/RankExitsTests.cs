using Volley.GpuNode.Agent;
using Volley.GpuNode.Link.Wire;
using Volley.Shared.Messages;
using WireEnd = Volley.GpuNode.Link.Wire.End;

namespace Volley.GpuNode.Tests.Agent;

public sealed class RankExitsTests
{
    private static readonly RankDeath Silent = new(null, 0, null, false, false, ["one", "two"]);

    public static TheoryData<string, int, bool, RankEnd, string> Codes => new()
    {
        { "killed from outside", 137, false, RankEnd.Lost, "signal 9" },
        { "killed by the kernel for memory", 137, true, RankEnd.Failed, "memory ran out" },
        { "terminated before it listened", 143, false, RankEnd.Lost, "signal 15" },
        { "aborted", 134, false, RankEnd.Failed, "SIGABRT" },
        { "segmentation fault beside a memory kill", 139, true, RankEnd.Failed, "SIGSEGV" },
        { "an exit code without a word", 3, false, RankEnd.Failed, "last log line: two" },
        { "success without a word", 0, false, RankEnd.Failed, "code 0" },
    };

    [Theory]
    [MemberData(nameof(Codes))]
    public void WithoutLastWords_TheCodeDecides(string what, int code, bool outOfMemory, RankEnd end, string message)
    {
        var exit = RankExits.Classify(Silent with { ExitCode = code, OutOfMemory = outOfMemory });
        Assert.True(end == exit.End, what);
        Assert.Contains(message, exit.Error);
        Assert.Equal(["one", "two"], exit.LastLogLines);
    }

    [Theory]
    [InlineData(WireEnd.Finished, RankEnd.Finished)]
    [InlineData(WireEnd.Stopped, RankEnd.Stopped)]
    [InlineData(WireEnd.Failed, RankEnd.Failed)]
    public void LastWords_CountMoreThanHowTheProcessWentDown(WireEnd said, RankEnd end)
    {
        var exit = RankExits.Classify(Silent with { Ended = new Ended { End = said, Error = "loss is NaN", IsUserError = true }, ExitCode = 139, KillReason = "late" });
        Assert.Equal(end, exit.End);
        Assert.Equal(said == WireEnd.Failed ? "loss is NaN" : "", exit.Error);
        Assert.Equal(said == WireEnd.Failed, exit.IsUserError);
    }

    [Fact]
    public void OurOwnKill_IsNotTheTrialsFault() =>
        Assert.Equal((RankEnd.Lost, "hung"), RankExits.Classify(Silent with { ExitCode = 137, KillReason = "hung" }) is var exit ? (exit.End, exit.Error) : default);

    [Fact]
    public void StoppedBeforeItHadWork_IsStopped() =>
        Assert.Equal(RankEnd.Stopped, RankExits.Classify(Silent with { ExitCode = 137, KillReason = "asked", WasStoppedBeforeStart = true }).End);
}

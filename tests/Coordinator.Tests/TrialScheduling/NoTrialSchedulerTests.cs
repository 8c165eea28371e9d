using Volley.Coordinator.TrialScheduling;
using Volley.Shared.Config;

namespace Volley.Coordinator.Tests.TrialScheduling;

public sealed class NoTrialSchedulerTests
{
    [Theory]
    [InlineData(1, 0.1)]
    [InlineData(100, null)]
    public void Decide_Continues_AndRemembersNothing(int epoch, double? value) =>
        Assert.Equal((TrialSchedulerState.Initial, TrialDecision.Continue),
            TrialSchedulers.Create(new TrialSchedulerSpec()).Decide(TrialSchedulerState.Initial, new RungReport(0, epoch, value)));

    [Fact]
    public void Create_NamesWhatThereIs() =>
        Assert.Contains("there is none", Assert.Throws<ConfigException>(() => TrialSchedulers.Create(new TrialSchedulerSpec { Type = "asha" })).Message, StringComparison.Ordinal);
}

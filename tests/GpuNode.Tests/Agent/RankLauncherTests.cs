using Volley.GpuNode.Agent;
using Volley.GpuNode.Cli;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Tests.Agent;

public sealed class RankLauncherTests : IDisposable
{
    private readonly string? _before = Environment.GetEnvironmentVariable(ProcessSettings.SpinVariable);

    public void Dispose() => Environment.SetEnvironmentVariable(ProcessSettings.SpinVariable, _before);

    [Theory]
    [InlineData(1, null, ProcessSettings.ShortSpin)]
    [InlineData(1000, null, null)]
    [InlineData(1, "7", "7")]
    public void CommandFor_LetsIdleThreadsWaitAwake_WhereRanksDoNotShareCores_AndThePersonHasNotDecided(int slots, string? set, string? passed)
    {
        Environment.SetEnvironmentVariable(ProcessSettings.SpinVariable, set);
        var launcher = new RankLauncher(new DeviceInventory("cpu", slots, 1, []));

        var command = launcher.CommandFor(new RankKey(new TrialId(new SweepId("s"), 0), 1, 0), "/tmp/socket", [0]);

        Assert.Equal(passed, command.Environment.TryGetValue(ProcessSettings.SpinVariable, out var value) ? value : null);
    }
}

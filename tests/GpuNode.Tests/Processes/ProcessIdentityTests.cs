using System.Diagnostics;
using Volley.GpuNode.Processes;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Processes;

public sealed class ProcessIdentityTests
{
    [Fact]
    public void AProcess_IsItselfWhileItLives_AndNobodyAfterwards()
    {
        using var child = Process.Start("/bin/sleep", "1000");
        var identity = ProcessIdentity.Of(child.Id)!;
        Assert.True(identity.IsAlive);
        Assert.False((identity with { StartTicks = identity.StartTicks + 1 }).IsAlive);
        Assert.False((identity with { BootId = "another boot" }).IsAlive);
        child.Kill();
        child.WaitForExit();
        Assert.False(identity.IsAlive);
    }

    [Fact]
    public void AWrongParent_IsRefused()
    {
        var error = Assert.Throws<UserErrorException>(() => ParentWatch.Follow(parentPid: 1 << 21, () => { }));
        Assert.Contains("is not its parent", error.Message);
    }

    [Fact]
    public async Task AChildOfTheSpawnThread_OutlivesManyCalls_AndIsReportedToTheCaller()
    {
        using var spawner = new SpawnThread();
        using var child = await spawner.StartAsync(new ProcessStartInfo("/bin/sh", ["-c", "exit 3"]));
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, child.ExitCode);
        await Assert.ThrowsAsync<System.ComponentModel.Win32Exception>(() => spawner.StartAsync(new ProcessStartInfo("/nonexistent/program")));
    }
}

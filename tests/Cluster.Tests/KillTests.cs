using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests;

/// <summary>Whatever dies in the middle of a sweep: it ends with the weights of the run that nobody disturbed, and leaves nothing behind.</summary>
[Trait("Category", "Slow")]
[Collection(WholeSweeps.Name)]
public sealed class KillTests(UndisturbedRun undisturbed)
{
    [Fact]
    public async Task ARankKilledMidway_GoesOnFromItsCommittedCheckpoint()
    {
        await using var sweep = new TinySweep();
        await using var run = sweep.Run();
        await run.LineAsync(TinySweep.IsMidway, TinySweep.Patience);
        Send(Of(sweep.Folder, "rank")[0], SigKill);
        await EndsAsUndisturbedAsync(sweep, run);
        Assert.Contains("attempt 2", run.Output);
    }

    [Fact]
    public async Task AnAgentKilledMidway_TakesItsRanksWithIt_AndIsReplaced()
    {
        await using var sweep = new TinySweep();
        await using var run = sweep.Run();
        await run.LineAsync(TinySweep.IsMidway, TinySweep.Patience);
        var ranks = Of(sweep.Folder, "rank");
        Assert.NotEmpty(ranks);
        Send(Assert.Single(Of(sweep.Folder, "join")), SigKill);
        await UntilAsync(() => !Of(sweep.Folder, "rank").Intersect(ranks).Any(), TimeSpan.FromSeconds(5), () => "ranks outlive their agent");
        await EndsAsUndisturbedAsync(sweep, run);
    }

    [Fact]
    public async Task ARunKilledMidway_TakesEverythingWithIt_AndTheSameCommandGoesOn()
    {
        await using var sweep = new TinySweep();
        await using (var killed = sweep.Run())
        {
            await killed.LineAsync(TinySweep.IsMidway, TinySweep.Patience);
            Send(killed.Pid, SigKill);
            await killed.ExitCodeAsync(TinySweep.Patience);
            await UntilAsync(() => Of(sweep.Folder).Count == 0, TimeSpan.FromSeconds(10), () => "agent or ranks outlive the run");
        }
        await using var run = sweep.Run();
        await EndsAsUndisturbedAsync(sweep, run);
    }

    [Fact]
    public async Task CtrlC_StopsAfterACheckpoint_AndTheSameCommandGoesOn()
    {
        await using var sweep = new TinySweep();
        await using (var interrupted = sweep.Run())
        {
            await interrupted.LineAsync(TinySweep.IsMidway, TinySweep.Patience);
            // A terminal sends it to every process in it.
            foreach (var pid in Of(sweep.Folder)) Send(pid, SigInt);
            Assert.Equal(130, await interrupted.ExitCodeAsync(TinySweep.Patience));
            await sweep.IsGoneAsync();
            Assert.DoesNotContain("   at ", interrupted.Output);
        }
        await using var run = sweep.Run();
        await EndsAsUndisturbedAsync(sweep, run);
    }

    [Fact]
    public async Task SigtermToTheAgent_StopsRanksGracefully_WithinTwentySeconds()
    {
        await using var sweep = new TinySweep();
        await using var run = sweep.Run();
        await run.LineAsync(TinySweep.IsMidway, TinySweep.Patience);
        var agent = Assert.Single(Of(sweep.Folder, "join"));
        Send(agent, SigTerm);
        await UntilAsync(() => !Of(sweep.Folder, "join").Contains(agent), TimeSpan.FromSeconds(20), () => "the agent lives");
        await EndsAsUndisturbedAsync(sweep, run);
        var log = await File.ReadAllTextAsync(Path.Combine(sweep.Out, "logs", "agent.log"), TestContext.Current.CancellationToken);
        Assert.Contains("Stopped", log);
    }

    private async Task EndsAsUndisturbedAsync(TinySweep sweep, ChildProgram run)
    {
        Assert.True(await run.ExitCodeAsync(TinySweep.Patience) == 0, run.Output);
        await sweep.IsGoneAsync();
        Assert.Equal(undisturbed.FinalWeights, sweep.FinalWeights());
    }
}

using System.Net;
using Volley.Coordinator.Client;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Http;
using Volley.Coordinator.Watch;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.LocalRun;

/// <param name="Slots">Trials' ranks at once.</param>
/// <param name="DataRoot">Absolute.</param>
internal sealed record LocalSweepOptions(SweepSpec Spec, string BaseDirectory, int Slots, string DataRoot);

/// <summary>How a run ended.</summary>
internal enum LocalSweepEnd { Done, Interrupted }

/// <summary>
/// A whole sweep on this machine: coordinator in this process, agent as its child, this a client of the HTTP API like any other. What it
/// started ends with it; what it reached is in the folder, and the next run with that folder goes on there.
/// </summary>
internal static class LocalSweep
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>Deletions of retired checkpoints that are still under way at the end get so long; the next run asks again.</summary>
    private static readonly TimeSpan TidyTimeout = TimeSpan.FromSeconds(3);

    /// <returns>How it ended, and what it came to so far.</returns>
    public static async Task<(LocalSweepEnd End, SweepResults Results)> RunAsync(RunFolder folder, LocalSweepOptions options, ISweepDisplay display, TimeProvider clock, CancellationToken interrupt)
    {
        await using var coordinator = await CoordinatorHost.StartAsync(new CoordinatorOptions(folder.Journal, folder.Logs), clock, CancellationToken.None);
        using var client = new SweepClient(new ApiConnection(new CoordinatorAddress(coordinator.HttpAddress), ClientPatience.Default, clock, display.Say));
        var agentOptions = new LocalAgentOptions(
            coordinator.SeedAddress, options.Slots, options.Spec.Resources.ThreadsPerRank, folder.AgentDirectory, options.DataRoot, folder.Logs);
        await using var agent = LocalAgent.Start(agentOptions, clock, display.Say);    // starts up while the journal is read
        await RequireSameSweepAsync(client, folder, options.Spec);
        await SubmitAsync(client, folder, options, display);

        var watch = new SweepWatch();
        var isStopping = false;
        while (true)
        {
            if (agent.Supervision.IsFaulted) await agent.Supervision;
            if (coordinator.Abdication.IsCompleted) throw new UserErrorException(await coordinator.Abdication);
            var view = await watch.LookAsync(client, options.Spec.Name, display, CancellationToken.None);
            if (view.State is "finished" or "cancelled") break;
            // No other machine will come: it would wait for ever.
            if (view is { Obstacle: { } obstacle, Running: 0 }) throw new UserErrorException($"{obstacle} Lower resources.ranks or resources.threads_per_rank, choose another resources.device, or raise --slots.");
            if (isStopping && view.Running == 0) break;
            if (interrupt.IsCancellationRequested && !isStopping)
            {
                isStopping = true;
                await client.SteerAsync(options.Spec.Name, "pause", CancellationToken.None);
                continue;
            }
            await DelayAsync(LookPeriod, clock, isStopping ? CancellationToken.None : interrupt);
        }
        await TidyAsync(client, options.Spec.Name, clock);
        // Nothing came of it, and a person can put that right: their mistake, not a result.
        if (watch.Trials.Count > 0 && watch.Trials.All(trial => trial is { State: "failed", IsUserError: true })) throw new UserErrorException(string.Join('\n', watch.Trials.Select(trial => trial.Error).Distinct()));
        var end = watch.Sweep!.State is "finished" or "cancelled" ? LocalSweepEnd.Done : LocalSweepEnd.Interrupted;
        return (end, await client.ResultsAsync(options.Spec.Name, CancellationToken.None));
    }

    /// <summary>A folder belongs to one sweep.</summary>
    private static async Task RequireSameSweepAsync(SweepClient client, RunFolder folder, SweepSpec spec)
    {
        if ((await client.ListAsync(CancellationToken.None)).FirstOrDefault(sweep => sweep.Id != spec.Name) is { } other)
            throw new UserErrorException($"--out {folder.Path}: holds the sweep \"{other.Id}\", this file's is \"{spec.Name}\". Give this sweep another --out.");
    }

    private static async Task SubmitAsync(SweepClient client, RunFolder folder, LocalSweepOptions options, ISweepDisplay display)
    {
        var source = options.Spec.Source;
        SweepView view;
        try
        {
            (_, view) = await client.SubmitAsync(
                new SubmitRequest
                {
                    FileName = source.FileName,
                    Text = source.Text,
                    Overrides = source.Overrides,
                    BaseDirectory = options.BaseDirectory,
                    CheckpointRoot = folder.Checkpoints,
                    DataRoot = options.DataRoot,
                },
                CancellationToken.None);
        }
        catch (ApiException error) when (error.Status == HttpStatusCode.Conflict)
        {
            throw new UserErrorException(
                $"--out {folder.Path}: {error.Message} Its results would be mixed. Give this one another --out; or, to start over, delete that folder; or go on with the file and the --set values it was made with.", error);
        }
        await File.WriteAllTextAsync(folder.In("sweep.yaml"), source.Text, CancellationToken.None);
        if (view.State == "paused") await client.SteerAsync(options.Spec.Name, "resume", CancellationToken.None);
        if (view.Failed > 0)
        {
            display.Say($"Trying the {view.Failed} failed trials again.");
            await client.SteerAsync(options.Spec.Name, "retry", CancellationToken.None);
        }
    }

    private static async Task TidyAsync(SweepClient client, string sweep, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        while (clock.GetElapsedTime(start) < TidyTimeout)
        {
            if ((await client.DescribeAsync(sweep, CancellationToken.None)).Deletions == 0) return;
            await DelayAsync(LookPeriod, clock, CancellationToken.None);
        }
    }

    private static Task DelayAsync(TimeSpan period, TimeProvider clock, CancellationToken stop) =>
        Task.Delay(period, clock, stop).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}

using System.Net;
using System.Text.Json.Nodes;
using Volley.Coordinator.Client;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Tests.Http;

[Collection(nameof(ApiCollection))]
public sealed class SweepApiTests(ApiHost host)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ASweep_IsSubmittedRunAndReported()
    {
        Assert.True((await host.SubmitAsync("api-whole")).IsNew);
        var view = await host.WhenAsync("api-whole", sweep => sweep.State == "finished");
        Assert.Equal((2, 2, 0, 0), (view.Trials, view.Finished, view.Failed, view.Running));

        var results = await host.Client.ResultsAsync("api-whole", Stop);
        Assert.Equal(["api-whole", "2"], [results.Name, $"{results.Trials.Count}"]);
        Assert.NotEmpty(results.ResultsDigest);
        var best = await host.Client.BestAsync("api-whole", Stop);
        Assert.Equal((0, "val_accuracy", "api-whole/0000/30.a1"), (best.Trial, best.Metric, best.Checkpoint!.Path));
    }

    [Fact]
    public async Task TheSameFileAgain_IsTheSameSweep_UnlessAnotherRunIsAskedFor()
    {
        Assert.True((await host.SubmitAsync("api-twice")).IsNew);
        var again = await host.SubmitAsync("api-twice");
        Assert.Equal((false, "api-twice"), (again.IsNew, again.Sweep.Id));
        var copies = new[] { await host.SubmitAsync("api-twice", isNew: true), await host.SubmitAsync("api-twice", isNew: true) };
        Assert.Equal([(true, "api-twice-2"), (true, "api-twice-3")], copies.Select(copy => (copy.IsNew, copy.Sweep.Id)));

        await host.WhenAsync("api-twice", view => view.State == "finished");
        await host.WhenAsync("api-twice-2", view => view.State == "finished");
        var (first, second) = (await host.Client.ResultsAsync("api-twice", Stop), await host.Client.ResultsAsync("api-twice-2", Stop));
        Assert.Equal("api-twice-2", second.Name);
        Assert.Equal(first.ResultsDigest, second.ResultsDigest);
    }

    /// <summary>A file without a name is named by its file; under another file name it is still the same sweep.</summary>
    [Fact]
    public async Task TheSameTextUnderAnotherFileName_IsTheSameSweep()
    {
        var text = ApiHost.Yaml("x").Replace("name: x\n", "", StringComparison.Ordinal) + "\n# of this test\n";
        Assert.Equal("api-first", (await host.Client.SubmitAsync(new SubmitRequest { FileName = "api-first.yaml", Text = text }, Stop)).Sweep.Id);
        var again = await host.Client.SubmitAsync(new SubmitRequest { FileName = "api-second.yaml", Text = text }, Stop);
        Assert.Equal((false, "api-first"), (again.IsNew, again.Sweep.Id));
    }

    [Fact]
    public async Task AnotherSweepOfThatName_IsAConflict()
    {
        await host.SubmitAsync("api-taken", trials: 2);
        var error = await Assert.ThrowsAsync<ApiException>(() => host.SubmitAsync("api-taken", trials: 3));
        Assert.Equal(HttpStatusCode.Conflict, error.Status);
        Assert.Contains("api-taken.yaml with other contents", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatRuns_IsShownWithNodeAndProcesses()
    {
        await host.SubmitAsync("hold-active", trials: 1);
        var view = await host.WhenAsync("hold-active", sweep => sweep.Active is [{ Pid: not null }]);
        var rank = Assert.Single(view.Active);
        Assert.Equal((0, 1, 0, ApiHost.Node, ApiAgent.Pid), (rank.Trial, rank.Attempt, rank.Rank, rank.Node, rank.AgentPid));
        Assert.True(rank.Pid >= ApiAgent.FirstRankPid);

        await ApiHost.EventuallyAsync(async () => (await host.Client.NodesAsync(Stop))[0].Ranks.Any(other => other.Sweep == "hold-active" && other.Pid == rank.Pid));
        var trial = await host.Client.TrialAsync("hold-active", 0, Stop);
        Assert.Equal(rank.Pid, Assert.Single(trial.Ranks).Pid);
        Assert.NotNull(trial.Spec);
        await host.Client.SteerAsync("hold-active", "cancel", Stop);
    }

    [Fact]
    public async Task Commands_SayWhatHolds_AndWhatWasNotPossible()
    {
        await host.SubmitAsync("hold-steer", trials: 1);
        await host.WhenAsync("hold-steer", view => view.Active is [{ Pid: not null }]);
        Assert.Equal("paused", (await host.Client.SteerAsync("hold-steer", "pause", Stop)).Sweep.State);
        await host.WhenAsync("hold-steer", view => view.Running == 0);
        Assert.NotEmpty((await host.Client.SteerAsync("hold-steer", "pause", Stop)).Notes);
        Assert.Equal("running", (await host.Client.SteerAsync("hold-steer", "resume", Stop)).Sweep.State);
        Assert.Equal(7, (await host.Client.SteerAsync("hold-steer", "priority", Stop, new PriorityRequest(7))).Sweep.Priority);
        Assert.Equal(3, (await host.Client.SteerAsync("hold-steer", "extend", Stop, new ExtendRequest(Trials: 3))).Sweep.TrialsPlanned);
        Assert.Equal("cancelled", (await host.Client.SteerAsync("hold-steer", "cancel", Stop)).Sweep.State);
        var refused = await Assert.ThrowsAsync<ApiException>(() => host.Client.SteerAsync("hold-steer", "resume", Stop));
        Assert.Equal((HttpStatusCode.Conflict, true), (refused.Status, refused.IsFailure));
    }

    [Fact]
    public async Task ATrial_IsKilledAndTriedAgain()
    {
        await host.SubmitAsync("hold-trial", trials: 1);
        await host.WhenAsync("hold-trial", view => view.Active is [{ Pid: not null }]);
        await host.Client.SteerTrialAsync("hold-trial", 0, "kill", Stop);
        Assert.Equal("cancelled", (await host.Client.TrialAsync("hold-trial", 0, Stop)).State);
        await host.Client.SteerTrialAsync("hold-trial", 0, "retry", Stop);
        await ApiHost.EventuallyAsync(async () => (await host.Client.TrialAsync("hold-trial", 0, Stop)) is { State: "running", Attempt: 2 });
        await host.Client.SteerAsync("hold-trial", "cancel", Stop);
    }

    [Fact]
    public async Task FailedTrials_AreRepaired()
    {
        await host.SubmitAsync("fail-repair", trials: 2);
        await host.WhenAsync("fail-repair", view => view is { State: "finished", Failed: 2 });
        var row = Assert.Single(await host.Client.TrialsAsync("fail-repair", "failed", Stop), row => row.Number == 1);
        Assert.Equal("The data set is nowhere.", row.Error);
        Assert.Equal("running", (await host.Client.SteerAsync("fail-repair", "repair", Stop)).Sweep.State);
        await host.WhenAsync("fail-repair", view => view is { State: "finished", Failed: 2 });
    }

    [Fact]
    public async Task ANode_IsDrainedAndTakenBack()
    {
        var drained = await host.Client.SteerNodeAsync(ApiHost.Node, "drain", "a new disk", Stop);
        Assert.Equal(("drained", "a new disk"), (drained.SetAside!.Kind, drained.SetAside.Reason));
        await ApiHost.EventuallyAsync(async () => (await host.Client.NodesAsync(Stop))[0] is { State: "drained", FreeSlots: 0 });
        Assert.Null((await host.Client.SteerNodeAsync(ApiHost.Node, "undrain", null, Stop)).SetAside);
        await ApiHost.EventuallyAsync(async () => (await host.Client.NodesAsync(Stop))[0].State == "up");
    }

    [Fact]
    public async Task ALog_ComesFromTheAgentThatHasIt()
    {
        await host.FinishedAsync("api-log", trials: 1);
        using var response = await host.Client.LogAsync("api-log", 0, 1, 0, follow: true, Stop);
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("asked for /logs/api-log/0?attempt=1&rank=0&follow=true\nepoch 1 done\n", await response.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task Results_ComeInPages_ThatMakeTheSameWhole()
    {
        await host.FinishedAsync("api-pages", trials: 7);
        var page = JsonNode.Parse(await host.Http.GetStringAsync("/api/v1/sweeps/api-pages/results?after=2&limit=3", Stop))!;
        Assert.Equal([3, 4, 5], page["results"]!["trials"]!.AsArray().Select(trial => (int)trial!["number"]!));
        Assert.Equal(5, (int)page["next"]!);
        var last = JsonNode.Parse(await host.Http.GetStringAsync("/api/v1/sweeps/api-pages/results?after=5&limit=3", Stop))!;
        Assert.Null(last["next"]);
        Assert.Equal(Enumerable.Range(0, 7), (await host.Client.ResultsAsync("api-pages", Stop)).Trials.Select(trial => trial.Number));
    }

    [Fact]
    public async Task TrialsAndSweeps_ComeInPages()
    {
        await host.FinishedAsync("api-rows", trials: 5);
        var trials = JsonNode.Parse(await host.Http.GetStringAsync("/api/v1/sweeps/api-rows/trials?after=1&limit=2", Stop))!;
        Assert.Equal([2, 3], trials["trials"]!.AsArray().Select(trial => (int)trial!["number"]!));
        Assert.Equal(3, (int)trials["next"]!);
        Assert.Empty(await host.Client.TrialsAsync("api-rows", "running", Stop));
        Assert.Equal(5, (await host.Client.TrialsAsync("api-rows", "finished", Stop)).Count);

        var names = new List<string>();
        for (var after = ""; ;)
        {
            var page = JsonNode.Parse(await host.Http.GetStringAsync($"/api/v1/sweeps?limit=2{after}", Stop))!;
            names.AddRange(page["sweeps"]!.AsArray().Select(sweep => (string)sweep!["id"]!));
            if (page["next"] is not { } next) break;
            after = $"&after={next}";
        }
        Assert.Equal((await host.Client.ListAsync(Stop)).Select(sweep => sweep.Id), names);
        Assert.Contains("api-rows", names);
    }

    /// <summary>A page of changes ends with the version to go on from; put together they are all trials, each once.</summary>
    [Fact]
    public async Task Changes_ComeInPages()
    {
        var whole = await host.FinishedAsync("api-changes", trials: 5);
        var seen = new List<int>();
        for (var version = -1L; ;)
        {
            var page = JsonNode.Parse(await host.Http.GetStringAsync($"/api/v1/sweeps/api-changes?changed_since={version}&limit=2", Stop))!;
            seen.AddRange(page["changed"]!.AsArray().Select(trial => (int)trial!["number"]!));
            version = (long)page["version"]!;
            if (!(bool)page["has_more"]!) break;
        }
        Assert.Equal(Enumerable.Range(0, 5), seen.Order());
        Assert.Null(whole.Changed);
    }
}

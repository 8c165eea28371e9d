using Microsoft.Extensions.Logging.Abstractions;
using Volley.GpuNode.CheckpointCopies;
using Volley.GpuNode.Tests.Agent;
using Volley.GpuNode.Tests.Serving;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Tests.CheckpointCopies;

public sealed class ResumePreparationTests
{
    private readonly List<CheckpointCopied> _told = [];

    [Fact]
    public async Task WhatIsLacking_IsFetched_ToldToTheCoordinator_AndOlderOnesOnlyIfTheyAreHere()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var (newest, older) = (FetchFixture.Reference(fixture.A.Checkpoint(20, 2), fixture.HolderA), FetchFixture.Reference(fixture.A.Checkpoint(10), fixture.HolderA));
        var (start, problems) = await PrepareAsync(fixture, newest, older);
        Assert.Equal([newest], start.ResumeFrom);
        Assert.Empty(problems);
        fixture.IsWhole(newest);
        Assert.Equal([new CheckpointCopied(ServerFixture.Trial, 2, "20.a2", FetchFixture.Self, "")], _told);

        await fixture.FetchAsync(older);
        Assert.Equal([newest, older], (await PrepareAsync(fixture, newest, older)).Start.ResumeFrom);
        Assert.Single(_told);           // it was here already
    }

    [Fact]
    public async Task WhereTheNewestCannotBeHad_TheOneBeforeItIsTaken_AndThatIsSaid()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var newest = FetchFixture.Reference(fixture.A.Checkpoint(20), new CheckpointHolder(new NodeId("x"), ""));
        var older = FetchFixture.Reference(fixture.C.Checkpoint(10), fixture.HolderC);
        var (start, problems) = await PrepareAsync(fixture, newest, older);
        Assert.Equal([older], start.ResumeFrom);
        Assert.Contains("Checkpoint 20.a1 cannot be used: no agent that has it can be reached (x)", Assert.Single(problems));
    }

    [Fact]
    public async Task WhereNoneCanBeHad_ItStartsFromTheBeginning_AfterWaitingForThem()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var lost = FetchFixture.Reference(fixture.A.Checkpoint(20), new CheckpointHolder(new NodeId("x"), ""));
        var (start, problems) = await PrepareAsync(fixture, lost);
        Assert.Empty(start.ResumeFrom);
        Assert.Contains("it starts from the beginning", problems[^1]);
    }

    [Fact]
    public async Task WhereEveryHolderWasAsked_NobodyIsWaitedFor()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var damaged = FetchFixture.Reference(fixture.A.Checkpoint(20), fixture.HolderA, fixture.HolderC);
        FetchFixture.Damage(Path.Combine(fixture.A.TrialRoot(), damaged.RelativePath));
        var (start, problems) = await PrepareAsync(fixture, new FetchTimeouts(), damaged);
        Assert.Empty(start.ResumeFrom);
        Assert.Contains("has SHA-256", problems[0]);
        Assert.Contains("it starts from the beginning", problems[1]);
    }

    [Fact]
    public async Task AHolderThatComesBackElsewhere_IsFoundThere()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var written = fixture.A.Checkpoint(20);
        using var preparation = Preparation(fixture, new FetchTimeouts { Look = TimeSpan.FromMilliseconds(20) });
        var away = Start(fixture, FetchFixture.Reference(written, new CheckpointHolder(new NodeId("a"), "")));
        var launched = new TaskCompletionSource<StartRank>();
        preparation.Begin(Samples.Key(), away, (start, _) => launched.SetResult(start), _ => launched.SetCanceled());
        preparation.Readdress(Samples.Key(), Start(fixture, FetchFixture.Reference(written, fixture.HolderA)));
        Assert.Equal("20.a1", Assert.Single((await launched.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).ResumeFrom).RelativePath);
    }

    [Fact]
    public async Task AStop_EndsTheWaiting_AndNothingIsLaunched()
    {
        await using var fixture = await FetchFixture.StartAsync();
        using var preparation = Preparation(fixture, new FetchTimeouts());
        var ended = new TaskCompletionSource<string?>();
        preparation.Begin(Samples.Key(), Start(fixture, FetchFixture.Reference(fixture.A.Checkpoint(20), new CheckpointHolder(new NodeId("a"), ""))), (_, _) => ended.SetException(new InvalidOperationException("launched")), ended.SetResult);
        Assert.True(preparation.Stop(Samples.Key()));
        Assert.Null(await ended.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.False(preparation.Stop(Samples.Key()));
    }

    [Fact]
    public async Task ACopyCommand_IsAnsweredOnce_WithWhatCameOfIt()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var checkpoint = FetchFixture.Reference(fixture.A.Checkpoint(12), fixture.HolderA);
        using var copier = new CheckpointCopier(fixture.Fetcher, FetchFixture.Self, NullLogger.Instance);
        Assert.Equal("", (await CopyAsync(Path.Combine(fixture.TrialRoot, "12.a1"), checkpoint)).Problem);
        fixture.IsWhole(checkpoint);
        Assert.Equal("", (await CopyAsync(Path.Combine(fixture.TrialRoot, "12.a1"), checkpoint)).Problem);      // a repetition
        Assert.Contains("it does not have it", (await CopyAsync(Path.Combine(fixture.TrialRoot, "99.a1"), checkpoint with { RelativePath = "99.a1" })).Problem);
        Assert.Contains("no checkpoint under this agent's --checkpoint-root", (await CopyAsync(null, checkpoint)).Problem);

        async Task<CheckpointCopied> CopyAsync(string? directory, CheckpointReference what)
        {
            var answer = new TaskCompletionSource<CheckpointCopied>();
            copier.Copy(new CopyCheckpoint(1, ServerFixture.Trial, 1, "sweep/0007", what, 100), directory, answer.SetResult);
            return await answer.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task CheckpointsOfAnEarlierSweepOfThatName_AreMovedAside_ByTheFirstAttemptOnly()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var start = Samples.Start() with { CheckpointRoot = fixture.A.TrialRoot() };
        Assert.Null(EarlierSweep.MoveAside(start, now));                // nothing is there
        fixture.A.Checkpoint(10);
        Assert.Null(EarlierSweep.MoveAside(start with { Attempt = 2 }, now));
        Assert.Null(EarlierSweep.MoveAside(start with { Rank = 1 }, now));
        var aside = EarlierSweep.MoveAside(start, now);
        Assert.True(File.Exists(Path.Combine(aside!, "10.a1", "manifest.json")));
        fixture.A.Checkpoint(10);                                       // there is room for ours
    }

    private async Task<(StartRank Start, IReadOnlyList<string> Problems)> PrepareAsync(FetchFixture fixture, FetchTimeouts timeouts, params CheckpointReference[] checkpoints)
    {
        using var preparation = Preparation(fixture, timeouts);
        var launched = new TaskCompletionSource<(StartRank, IReadOnlyList<string>)>();
        preparation.Begin(Samples.Key(), Start(fixture, checkpoints), (start, problems) => launched.SetResult((start, problems)), failure => launched.SetException(new InvalidOperationException(failure)));
        return await launched.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    private Task<(StartRank Start, IReadOnlyList<string> Problems)> PrepareAsync(FetchFixture fixture, params CheckpointReference[] checkpoints) => PrepareAsync(fixture, fixture.Timeouts, checkpoints);

    private ResumePreparation Preparation(FetchFixture fixture, FetchTimeouts timeouts) =>
        new(fixture.Fetcher, FetchFixture.Self, timeouts, TimeProvider.System, _told.Add, NullLogger.Instance);

    private static StartRank Start(FetchFixture fixture, params CheckpointReference[] checkpoints) => Samples.Start() with { CheckpointRoot = fixture.TrialRoot, ResumeFrom = [.. checkpoints] };
}

using System.Net;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.GpuNode.Serving;

namespace Volley.GpuNode.Tests.Serving;

public sealed class LogEndpointTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WithoutFollowing_WhatIsThereIsGiven_OfTheNewestAttempt()
    {
        await using var fixture = await ServerFixture.StartAsync();
        using (var log = Log(fixture, 1)) log.Write("first");
        using (var log = Log(fixture, 2)) log.Write("second");
        Assert.EndsWith(" second\n", await fixture.Client.GetStringAsync("/logs/sweep/7", Stop));
        Assert.EndsWith(" first\n", await fixture.Client.GetStringAsync("/logs/sweep/7?attempt=1&rank=0", Stop));
    }

    [Theory]
    [InlineData("/logs/sweep/8", HttpStatusCode.NotFound)]
    [InlineData("/logs/other/7", HttpStatusCode.NotFound)]
    [InlineData("/logs/sweep/7?attempt=9", HttpStatusCode.NotFound)]
    [InlineData("/logs/sweep/7?rank=1", HttpStatusCode.NotFound)]
    [InlineData("/logs/sweep/7?rank=..", HttpStatusCode.BadRequest)]
    [InlineData("/logs/..%2f..%2fetc/7", HttpStatusCode.BadRequest)]
    [InlineData("/logs/sweep/x", HttpStatusCode.BadRequest)]
    public async Task WhatIsNotThere_IsSaid(string path, HttpStatusCode expected)
    {
        await using var fixture = await ServerFixture.StartAsync();
        using (var log = Log(fixture, 1)) log.Write("first");
        Assert.Equal(expected, (await fixture.Client.GetAsync(path, Stop)).StatusCode);
    }

    [Fact]
    public async Task Following_GivesLinesAsTheyComeAcrossRotations_AndEndsWithTheRank()
    {
        await using var fixture = await ServerFixture.StartAsync();
        var key = new RankKey(ServerFixture.Trial, 1, 0);
        SetAlive(fixture, key, true);
        // So small that every few lines are a new file.
        using var log = new RankLog(new RankLogFiles(fixture.LogDirectory).PathOf(key), TimeProvider.System, fileBytes: 200);
        log.Write("line 0");
        using var reader = new StreamReader(await fixture.Client.GetStreamAsync("/logs/sweep/7?follow=true", Stop));
        for (var i = 0; i < 20; i++)
        {
            Assert.EndsWith($" line {i}", await NextAsync(reader));
            log.Write($"line {i + 1}");
        }
        Assert.EndsWith(" line 20", await NextAsync(reader));
        Assert.True(File.Exists(RankLogFiles.Earlier(new RankLogFiles(fixture.LogDirectory).PathOf(key))));
        log.Write("last words");
        SetAlive(fixture, key, false);
        Assert.EndsWith(" last words", await NextAsync(reader));
        Assert.Null(await NextAsync(reader));
    }

    [Fact]
    public async Task Following_GoesOnWithTheNextAttempt_WhereOneRunsHere()
    {
        await using var fixture = await ServerFixture.StartAsync();
        var (first, second) = (new RankKey(ServerFixture.Trial, 1, 0), new RankKey(ServerFixture.Trial, 2, 0));
        SetAlive(fixture, first, true);
        using var log = Log(fixture, 1);
        log.Write("of the first");
        using var reader = new StreamReader(await fixture.Client.GetStreamAsync("/logs/sweep/7?follow=true", Stop));
        Assert.EndsWith(" of the first", await NextAsync(reader));
        using var next = Log(fixture, 2);
        next.Write("of the second");
        SetAlive(fixture, second, true);
        SetAlive(fixture, first, false);
        Assert.EndsWith(" of the second", await NextAsync(reader));
        SetAlive(fixture, second, false);
        Assert.Null(await NextAsync(reader));
    }

    [Fact]
    public async Task AReaderThatLeaves_LeavesNothingBehind()
    {
        var fixture = await ServerFixture.StartAsync();
        SetAlive(fixture, new RankKey(ServerFixture.Trial, 1, 0), true);
        using var log = Log(fixture, 1);
        log.Write("one");
        using (var reader = new StreamReader(await fixture.Client.GetStreamAsync("/logs/sweep/7?follow=true", Stop))) await NextAsync(reader);
        // Ending cuts whoever still follows; it must not wait for the rank.
        await fixture.DisposeAsync().AsTask().WaitAsync(Patience, Stop);
    }

    private static Task<string?> NextAsync(StreamReader reader) => reader.ReadLineAsync(Stop).AsTask().WaitAsync(Patience, Stop);

    private static RankLog Log(ServerFixture fixture, int attempt) =>
        new(new RankLogFiles(fixture.LogDirectory).PathOf(new RankKey(ServerFixture.Trial, attempt, 0)), TimeProvider.System);

    private static void SetAlive(ServerFixture fixture, RankKey key, bool isAlive)
    {
        lock (fixture.Alive)
        {
            if (isAlive) fixture.Alive.Add(key);
            else fixture.Alive.Remove(key);
        }
    }
}

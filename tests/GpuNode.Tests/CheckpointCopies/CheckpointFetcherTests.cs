using System.Net;
using System.Net.Sockets;
using Volley.GpuNode.Tests.Serving;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Tests.CheckpointCopies;

public sealed class CheckpointFetcherTests
{
    [Fact]
    public async Task ACheckpoint_IsFetchedWhole_AndOnlyOnce()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var checkpoint = FetchFixture.Reference(fixture.A.Checkpoint(12), fixture.HolderA);
        Assert.Null(await fixture.FetchAsync(checkpoint));
        fixture.IsWhole(checkpoint);
        Directory.Delete(fixture.A.TrialRoot(), recursive: true);
        Assert.Null(await fixture.FetchAsync(checkpoint));      // it is here
    }

    [Fact]
    public async Task TheSameFromManySides_AtOnce_IsOneWholeCheckpoint()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var checkpoint = FetchFixture.Reference(fixture.A.Checkpoint(12), fixture.HolderA);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => fixture.FetchAsync(checkpoint))), Assert.Null);
        fixture.IsWhole(checkpoint);
    }

    [Fact]
    public async Task AHolderWithDamagedBytes_IsPassedOver()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var written = fixture.A.Checkpoint(12);
        fixture.C.Checkpoint(12);
        FetchFixture.Damage(Path.Combine(fixture.A.TrialRoot(), written.RelativePath));
        Assert.Contains("has SHA-256", await fixture.FetchAsync(FetchFixture.Reference(written, fixture.HolderA)));
        Assert.False(Directory.Exists(Path.Combine(fixture.TrialRoot, written.RelativePath)));
        fixture.HasNoLeftovers();

        var either = FetchFixture.Reference(written, fixture.HolderA, fixture.HolderC);
        Assert.Null(await fixture.FetchAsync(either));
        fixture.IsWhole(either);
    }

    [Fact]
    public async Task ADamagedOneOfOurOwn_IsReplaced()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var checkpoint = FetchFixture.Reference(fixture.A.Checkpoint(12), fixture.HolderA);
        await fixture.FetchAsync(checkpoint);
        FetchFixture.Damage(Path.Combine(fixture.TrialRoot, checkpoint.RelativePath));
        Assert.Null(await fixture.FetchAsync(checkpoint));
        fixture.IsWhole(checkpoint);

        // With nobody to replace it, it is said, and left: a person may want to look at it.
        FetchFixture.Damage(Path.Combine(fixture.TrialRoot, checkpoint.RelativePath));
        Assert.Contains("The checkpoint is damaged", await fixture.FetchAsync(checkpoint with { Holders = [] }));
        Assert.True(Directory.Exists(Path.Combine(fixture.TrialRoot, checkpoint.RelativePath)));
    }

    [Fact]
    public async Task AnotherCheckpointOfThatName_IsNotTaken()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var checkpoint = FetchFixture.Reference(fixture.A.Checkpoint(12), fixture.HolderA) with { ManifestSha256 = new string('0', 64) };
        Assert.Contains("the journal says 0000", await fixture.FetchAsync(checkpoint));
        fixture.HasNoLeftovers();
    }

    [Fact]
    public async Task HoldersThatAreNotThere_AreNamed()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var written = fixture.A.Checkpoint(12);
        Assert.Contains("no agent that has it can be reached (x)", await fixture.FetchAsync(FetchFixture.Reference(written, new CheckpointHolder(new NodeId("x"), ""))));
        Assert.Contains("no other agent has it", await fixture.FetchAsync(FetchFixture.Reference(written, new CheckpointHolder(FetchFixture.Self, fixture.A.Server.Address))));
        Assert.Contains("it does not have it", await fixture.FetchAsync(FetchFixture.Reference(written, fixture.HolderC)));
        var closed = await ServerFixture.StartAsync();
        await closed.DisposeAsync();
        Assert.Contains($"x at {closed.Server.Address}", await fixture.FetchAsync(FetchFixture.Reference(written, new CheckpointHolder(new NodeId("x"), closed.Server.Address))));
    }

    [Fact]
    public async Task AHolderThatFallsSilent_IsGivenUp_AndTheNextAsked()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var written = fixture.A.Checkpoint(12);
        // Takes connections, as a stopped process does, and answers the second half of nothing.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var holder = new CheckpointHolder(new NodeId("x"), silent.LocalEndpoint.ToString()!);
        var checkpoint = FetchFixture.Reference(written, holder, fixture.HolderA);
        Assert.Null(await fixture.FetchAsync(checkpoint));
        fixture.IsWhole(checkpoint);
    }

    [Fact]
    public async Task AHolderThatFallsSilentMidway_IsGivenUp()
    {
        await using var fixture = await FetchFixture.StartAsync();
        var written = fixture.A.Checkpoint(12);
        using var half = new TcpListener(IPAddress.Loopback, 0);
        half.Start();
        var serving = Task.Run(async () =>
        {
            using var client = await half.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"u8.ToArray(), TestContext.Current.CancellationToken);
            await client.GetStream().ReadExactlyAsync(new byte[1 << 20], TestContext.Current.CancellationToken).AsTask().ContinueWith(_ => { }, TaskScheduler.Default);
        }, TestContext.Current.CancellationToken);
        var problem = await fixture.FetchAsync(FetchFixture.Reference(written, new CheckpointHolder(new NodeId("x"), half.LocalEndpoint.ToString()!)));
        Assert.Contains("it sent nothing for 1 s", problem);
        fixture.HasNoLeftovers();
        await serving;
    }

    [Fact]
    public async Task WhatAnEarlierLifeLeftHalfFetched_IsRemoved_AndNothingElse()
    {
        await using var fixture = await FetchFixture.StartAsync();
        foreach (var name in new[] { "12.a1.copy-b-1.tmp", "12.a1.copy-c-1.tmp", "13.a1.tmp", "12.a1" }) Directory.CreateDirectory(Path.Combine(fixture.TrialRoot, name));
        fixture.Fetcher.DeleteLeftovers(fixture.Root);
        Assert.Equal(["12.a1", "12.a1.copy-c-1.tmp", "13.a1.tmp"], Directory.EnumerateDirectories(fixture.TrialRoot).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}

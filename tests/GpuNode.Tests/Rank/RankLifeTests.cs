using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Rank;
using Volley.GpuNode.Tests.Agent;
using Volley.GpuNode.Tests.Link;
using Volley.GpuNode.Training;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Rank;

/// <summary>A rank's life with an invented training, over a real socket.</summary>
public sealed class RankLifeTests : IAsyncLifetime
{
    private readonly ShortDirectory _directory = new();
    private RankLinkServer _server = null!;
    private RankSession _session = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RankLinkServer.StartAsync(_directory.Socket, new LinkTimeouts(), NullLoggerFactory.Instance);
        _session = _server.Expect(Samples.Key());
        _session.SpawnedAs(Environment.ProcessId);
        _session.Post(new ToRank { Start = new StartTrial { SpecJson = "spec" } });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task WhatTheTrainingSees_Arrives_AndThenHowItEnded()
    {
        var heard = await LiveAsync((start, observer, _) =>
        {
            Assert.Equal("spec", start.SpecJson);
            Assert.Equal("training", Thread.CurrentThread.Name);
            observer.OnProgress(0, 2, 1, 20, 0.5, 10);
            observer.OnEpoch(Samples.Epoch(1));
            observer.OnCheckpoint(new WrittenCheckpoint(1, 10, 1, "10.a1", "ab", 0.75, 123));
            return new TrialRunResult(TrialEnd.Stopped, null, null);
        });
        Assert.Equal(1, heard.Single(message => message.Progress is not null).Progress.Step);
        Assert.Equal(1, heard.Single(message => message.Epoch is not null).Epoch.Epoch);
        var checkpoint = heard.Single(message => message.Checkpoint is not null).Checkpoint;
        Assert.Equal((10, "10.a1", "ab", 0.75, 123), (checkpoint.Step, checkpoint.RelativePath, checkpoint.ManifestSha256, checkpoint.ObjectiveValue, checkpoint.Bytes));
        Assert.Equal(End.Stopped, heard[^1].Ended.End);
    }

    [Fact]
    public async Task ProblemsWithCheckpoints_AreSaidAtOnce_WithTheProgressOfBefore()
    {
        var heard = await LiveAsync((_, observer, _) =>
        {
            observer.OnData(new Volley.Shared.Results.DataDescription("images", "", "d1", 1, 1, 1, ""));
            observer.OnCheckpointProblem("damaged");
            observer.OnProgress(0, 2, 20, 20, 0.5, 10);
            observer.OnEpoch(Samples.Epoch(1));         // progress that waits is replaced by newer
            observer.OnCheckpointProblem("disk full");
            return new TrialRunResult(TrialEnd.Stopped, null, null);
        });
        Assert.Equal("d1", heard[0].Data.Digest);
        Assert.Equal([(20L, 1, "damaged"), (20L, 2, "disk full")], heard.Where(message => message.Progress is not null).Select(message => (message.Progress.Step, message.Progress.CheckpointProblems, message.Progress.CheckpointProblem)));
    }

    [Fact]
    public async Task AStopThatCannotSave_IsAStop_AndNoFailure()
    {
        _session.Post(new ToRank { Stop = new Stop() });
        var heard = await LiveAsync((_, _, stop) =>
        {
            Assert.True(stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(10)));
            throw new CheckpointWriteException("/checkpoints/20.a1", new IOException("No space left on device"));
        });
        Assert.Equal(End.Stopped, heard[^1].Ended.End);
    }

    [Fact]
    public async Task AnEndThatCannotSave_IsAFailureThatIsTriedAgain()
    {
        var heard = await LiveAsync((_, _, _) => throw new CheckpointWriteException("/checkpoints/20.a1", new IOException("No space left on device")));
        Assert.Equal((End.Failed, false), (heard[^1].Ended.End, heard[^1].Ended.IsUserError));
        Assert.Contains("No space left on device", heard[^1].Ended.Error);
    }

    [Fact]
    public async Task AStop_ReachesTheTraining()
    {
        _session.Post(new ToRank { Stop = new Stop() });
        var heard = await LiveAsync((_, _, stop) =>
        {
            Assert.True(stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(10)));
            throw new OperationCanceledException(stop);
        });
        Assert.Equal(End.Stopped, heard[^1].Ended.End);
    }

    [Fact]
    public async Task AUserError_TravelsAsOne()
    {
        var heard = await LiveAsync((_, _, _) => throw new UserErrorException("cifar.bin: truncated"));
        Assert.Equal((End.Failed, "cifar.bin: truncated", true), (heard[^1].Ended.End, heard[^1].Ended.Error, heard[^1].Ended.IsUserError));
    }

    [Fact]
    public async Task AnyOtherException_IsTheTrialsFailure_NotTheProcesses()
    {
        var heard = await LiveAsync((_, _, _) => throw new InvalidOperationException("shapes disagree"));
        Assert.Equal((End.Failed, "InvalidOperationException: shapes disagree", false), (heard[^1].Ended.End, heard[^1].Ended.Error, heard[^1].Ended.IsUserError));
    }

    [Fact]
    public async Task ProgressOfAFastModel_IsThinnedOut()
    {
        var heard = await LiveAsync((_, observer, _) =>
        {
            for (var step = 1; step <= 5000; step++) observer.OnProgress(0, 1, step, 5000, 0.5, 10);
            return new TrialRunResult(TrialEnd.Stopped, null, null);
        });
        var steps = heard.Where(message => message.Progress is not null).Select(message => message.Progress.Step).ToArray();
        Assert.InRange(steps.Length, 1, 50);
        Assert.Equal(5000, steps[^1]);   // the last one always
    }

    private async Task<IReadOnlyList<FromRank>> LiveAsync(TrialBody body)
    {
        var hello = new Hello
        {
            Protocol = RankLinkService.Protocol,
            Sweep = Samples.Sweep.Value,
            Trial = Samples.Trial.Number,
            Attempt = 1,
            Secret = ByteString.CopyFrom(Convert.FromHexString(_session.SecretHex)),
        };
        await using var link = await RankLinkClient.ConnectAsync(_directory.Socket, Environment.ProcessId, hello, new LinkTimeouts());
        Assert.Equal(RankExitCodes.Told, await new RankLife(link, body, TimeProvider.System).RunAsync(CancellationToken.None));
        var heard = await _session.Incoming.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
        return [.. heard.Where(message => message.Heartbeat is null)];
    }
}

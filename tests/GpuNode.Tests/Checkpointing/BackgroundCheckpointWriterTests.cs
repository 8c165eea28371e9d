using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Training;

namespace Volley.GpuNode.Tests.Checkpointing;

public sealed class BackgroundCheckpointWriterTests
{
    [Fact]
    public void Submit_ReturnsWhileTheDiskIsBusy_AndTheNextOneWaits()
    {
        using var disk = new SemaphoreSlim(0);
        var written = new List<long>();
        using var writer = new BackgroundCheckpointWriter(
            content =>
            {
                disk.Wait();
                return Written(content);
            },
            checkpoint => written.Add(checkpoint.Step), refused => throw refused);
        writer.Submit(CheckpointStoreTests.Content(1, 1));
        var next = new Thread(() => writer.Submit(CheckpointStoreTests.Content(2, 1)));
        next.Start();
        Assert.Empty(written);
        disk.Release();
        next.Join();
        Assert.Equal([1], written);
        disk.Release();
        Assert.Equal(2, writer.Finish()!.Step);
        Assert.Equal([1, 2], written);
    }

    [Fact]
    public void ADiskThatRefusesOnce_IsTold_AndTheNextOneCounts()
    {
        var refusals = new List<string>();
        using var writer = new BackgroundCheckpointWriter(
            content => content.Step == 1 ? throw new CheckpointWriteException("dir/1.a1", new IOException("No space left on device")) : Written(content),
            _ => { }, refused => refusals.Add(refused.Message));
        writer.Submit(CheckpointStoreTests.Content(1, 1));
        Assert.Throws<CheckpointWriteException>(() => writer.Finish());
        Assert.Contains("No space left on device", Assert.Single(refusals), StringComparison.Ordinal);
        writer.Submit(CheckpointStoreTests.Content(2, 1));
        Assert.Equal(2, writer.Finish()!.Step);
    }

    [Fact]
    public void ABugInTheWriter_ReachesTheTrainingThread()
    {
        using var writer = new BackgroundCheckpointWriter(_ => throw new InvalidOperationException("a bug"), _ => { }, _ => { });
        writer.Submit(CheckpointStoreTests.Content(1, 1));
        Assert.Equal("a bug", Assert.Throws<InvalidOperationException>(writer.WaitUntilIdle).Message);
    }

    private static WrittenCheckpoint Written(CheckpointContent content) => new(content.Attempt, content.Step, content.Epoch, "x", "y", null, 0);
}

using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;

namespace Volley.GpuNode.Tests.Link;

public sealed class OutboxTests
{
    [Fact]
    public async Task OfWaitingProgress_OnlyTheNewestIsSent_AndReportsKeepTheirPlace()
    {
        using var outbox = new Outbox();
        for (var step = 1; step <= 1000; step++) outbox.Add(new FromRank { Progress = new Progress { Step = step } });
        outbox.Add(new FromRank { Checkpoint = new CheckpointWritten { Step = 1000 } });
        outbox.Add(new FromRank { Progress = new Progress { Step = 1001 } });
        outbox.Add(new FromRank { Heartbeat = new Heartbeat() });
        outbox.Add(new FromRank { Heartbeat = new Heartbeat() });
        outbox.Complete();
        outbox.Add(new FromRank { Progress = new Progress { Step = 9999 } });   // too late

        var taken = new List<FromRank>();
        while (await outbox.TakeAsync() is { } message) taken.Add(message);
        Assert.Equal(
            ["progress 1000", "checkpoint 1000", "progress 1001", "heartbeat"],
            taken.Select(message => message.MessageCase switch
            {
                FromRank.MessageOneofCase.Progress => $"progress {message.Progress.Step}",
                FromRank.MessageOneofCase.Checkpoint => $"checkpoint {message.Checkpoint.Step}",
                _ => "heartbeat",
            }));
    }
}

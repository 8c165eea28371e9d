using Volley.GpuNode.Link;

namespace Volley.GpuNode.Tests.Link;

public sealed class StepRecordTests : IDisposable
{
    private readonly ShortDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void WhatTheRankWrote_IsThere_WithoutAGoodbye()
    {
        var path = Path.Combine(_directory.Path, "steps");
        using var agent = StepRecord.Create(path);
        Assert.Null(agent.Start);
        Assert.Null(agent.Last);
        using (var rank = StepRecord.Open(path))
        {
            rank.Begin(10);
            Assert.Equal((10L, 10L), (agent.Start, agent.Last));
            rank.Complete(11);
            rank.Complete(12);
            Assert.Equal((10L, 12L), (agent.Start, agent.Last));   // the rank has not closed it: a SIGKILL would not either
        }
        File.Delete(path);
        Assert.Equal(12, agent.Last);
    }
}

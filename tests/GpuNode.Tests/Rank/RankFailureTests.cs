using System.Text;
using Volley.GpuNode.Rank;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Tests.Rank;

public sealed class RankFailureTests
{
    [Fact]
    public void OutOfMemory_SaysWhatToLower()
    {
        Assert.Contains("lower train.global_batch_size", RankFailure.Describe(new InsufficientMemoryException("x")));
        Assert.Contains(
            "lower train.global_batch_size",
            RankFailure.Describe(new InvalidOperationException("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 TB")));
    }

    [Fact]
    public void AForeignException_KeepsItsType() => Assert.Equal("InvalidOperationException: no", RankFailure.Describe(new InvalidOperationException("no")));

    [Fact]
    public void AnEndlessMessage_IsCut() =>
        Assert.InRange(Encoding.UTF8.GetByteCount(RankFailure.Describe(new InvalidOperationException(new string('x', 1_000_000)))), 1000, MessageLimits.ErrorBytes);
}

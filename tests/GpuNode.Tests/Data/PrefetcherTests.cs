using Volley.GpuNode.Data;

namespace Volley.GpuNode.Tests.Data;

public sealed class PrefetcherTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 2)]
    [InlineData(2, 7)]
    public void Batches_ComeInOrder_AndEachOnce(int workers, int ring)
    {
        using var prefetcher = Make(40, workers, ring, new Maker());

        var steps = prefetcher.Take(TestContext.Current.CancellationToken).Select(batch => (batch.StepInEpoch, batch.Pixels[0])).ToArray();

        Assert.Equal(Enumerable.Range(0, 40).Select(step => (step, (float)step)), steps);
    }

    [Fact]
    public void ABatch_IsNotOverwrittenWhileItIsUsed()
    {
        var maker = new Maker();
        using var prefetcher = Make(20, workers: 1, ring: 2, maker);
        foreach (var batch in prefetcher.Take(TestContext.Current.CancellationToken))
        {
            // The worker fills the other buffer meanwhile and must then wait: it may be one batch ahead, not two.
            if (batch.StepInEpoch < 18) Assert.True(SpinWait.SpinUntil(() => maker.Made >= batch.StepInEpoch + 2, TimeSpan.FromSeconds(30)));
            Assert.InRange(maker.Made, batch.StepInEpoch + 1, batch.StepInEpoch + 2);
            Assert.Equal(batch.StepInEpoch, batch.Pixels[0]);
        }
    }

    [Fact]
    public void AFailure_IsThrownWhereTheBatchIsAwaited_AfterTheGoodOnes()
    {
        using var prefetcher = Make(10, workers: 1, ring: 3, new Maker { FailsAt = 4 });
        var seen = new List<int>();

        var failure = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (var batch in prefetcher.Take(TestContext.Current.CancellationToken)) seen.Add(batch.StepInEpoch);
        });

        Assert.Equal("step 4", failure.Message);
        Assert.Equal([0, 1, 2, 3], seen);
    }

    [Fact]
    public void LeavingEarly_EndsTheWorkers()
    {
        var maker = new Maker();
        using (var prefetcher = Make(1000, workers: 2, ring: 3, maker))
            Assert.Equal(0, prefetcher.Take(TestContext.Current.CancellationToken).First().StepInEpoch);

        // Dispose joined them: the count no longer moves, and the ring bounds it.
        Assert.InRange(maker.Made, 1, 4);
    }

    private static Prefetcher Make(int batches, int workers, int ring, Maker maker) =>
        new(step => new(0, step, 0, new int[1], 0, 1), batches, [.. Enumerable.Repeat(maker, workers)], [.. Enumerable.Range(0, ring).Select(_ => new BatchBuffer(1, 1, 0))]);

    /// <summary>Its only pixel is the step's number.</summary>
    private sealed class Maker : IBatchMaker
    {
        private int _made;

        public int FailsAt { get; init; } = -1;
        public int Made => Volatile.Read(ref _made);

        public ImageBatch Make(BatchPlan plan, BatchBuffer buffer)
        {
            if (plan.Step == FailsAt) throw new InvalidDataException($"step {plan.Step}");
            buffer.Pixels[0] = plan.Step;
            Interlocked.Increment(ref _made);
            return new ImageBatch { Epoch = 0, StepInEpoch = plan.Step, Shard = 0, Count = 1, GlobalCount = 1, Pixels = buffer.Pixels, Labels = buffer.Labels };
        }
    }
}

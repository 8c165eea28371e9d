using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>What every transport must do (STYLE §3, "Collectives"): a transport's tests hand in its groups.</summary>
internal static class CollectiveContract
{
    private static readonly OperationName Name = new("bucket", 7, 3);

    /// <param name="create">A group of that many ranks, by position.</param>
    public static void CheckSums(IEnumerable<CollectiveCase> cases, Func<ShardAssignment, IReadOnlyList<ICollective>> create)
    {
        // Ranks of a group do many operations: the same group for all cases of its assignment.
        foreach (var group in cases.GroupBy(test => (test.WorldSize, test.Shards)))
        {
            var ranks = create(ShardAssignment.Even(group.Key.Shards, group.Key.WorldSize));
            foreach (var test in group)
            {
                var expected = test.Expected();
                RankThreads.RunAll(ranks, rank =>
                {
                    CheckAllReduce(test, rank, expected);
                    CheckReduceScatter(test, rank, expected);
                });
            }
            foreach (var rank in ranks) rank.Dispose();
        }
    }

    public static void CheckCopies(IEnumerable<CollectiveCase> cases, Func<ShardAssignment, IReadOnlyList<ICollective>> create)
    {
        foreach (var test in cases)
        {
            var ranks = create(test.Assignment);
            var expected = test.ValuesOf(new TreePiece(0, 1));
            RankThreads.RunAll(ranks, rank =>
            {
                CheckAllGather(test, rank, expected);
                for (var root = 0; root < test.WorldSize; root++) CheckBroadcast(test, rank, expected, root);
                rank.Barrier(Name).Wait();
            });
            foreach (var rank in ranks) rank.Dispose();
        }
    }

    /// <summary>Many operations begun before any is waited for: order is kept, and nothing mixes.</summary>
    public static void CheckManyUnderWay(Func<ShardAssignment, IReadOnlyList<ICollective>> create)
    {
        CollectiveCase[] cases = [.. CollectiveCase.Over([3], [1, 17, 50_021, 1000])];
        foreach (var group in cases.GroupBy(test => test.Shards))
        {
            var ranks = create(ShardAssignment.Even(group.Key, 3));
            RankThreads.RunAll(ranks, rank =>
            {
                var works = group.Select((test, i) =>
                {
                    var buffers = test.BuffersOf(rank.Position);
                    return (test, buffers, work: rank.AllReduce([.. buffers.Select(b => b.Address)], test.Elements, test.Type, test.Wire, new OperationName("bucket", 1, i)));
                }).ToArray();
                foreach (var (test, buffers, work) in works.Reverse())
                {
                    work.Wait();
                    Assert.True(work.IsDone);
                    test.AssertEqual(test.Expected(), buffers[0], 0, test.Elements, "many under way");
                    foreach (var buffer in buffers) buffer.Dispose();
                }
            });
            foreach (var rank in ranks) rank.Dispose();
        }
    }

    /// <summary>Every rank fails, and its message has both sizes.</summary>
    public static void CheckMismatchedSizes(Func<ShardAssignment, IReadOnlyList<ICollective>> create, long elements)
    {
        var ranks = create(ShardAssignment.Even(3, 3));
        var ends = RankThreads.Run(ranks, rank =>
        {
            using var memory = new AlignedMemory((elements + 1) * sizeof(float));
            rank.AllReduce([memory.Address], elements + (rank.Position == 1 ? 1 : 0), ElementType.Float32, WireType.Same, Name).Wait();
        });
        foreach (var end in ends)
        {
            Assert.NotNull(end);
            Assert.Contains($"{elements} Float32", end.Message, StringComparison.Ordinal);
            Assert.Contains($"{elements + 1} Float32", end.Message, StringComparison.Ordinal);
        }
        foreach (var rank in ranks) rank.Dispose();
    }

    /// <summary>After an abort on one rank every operation, begun before or after, fails on every rank, with the same exception each time.</summary>
    public static void CheckAbort(Func<ShardAssignment, IReadOnlyList<ICollective>> create, long elements)
    {
        var ranks = create(ShardAssignment.Even(3, 3));
        var ends = RankThreads.Run(ranks, rank =>
        {
            if (rank.Position == 2)
            {
                rank.Abort("the trial stops");
                rank.Barrier(Name).Wait();
            }
            using var own = new AlignedMemory(elements * sizeof(float));
            rank.AllReduce([own.Address], elements, ElementType.Float32, WireType.Same, Name).Wait();
        });
        for (var position = 0; position < 3; position++)
        {
            var end = Assert.IsType<PeerLostException>(ends[position]);
            Assert.Contains("the trial stops", end.Message, StringComparison.Ordinal);
            Assert.Same(end, Assert.Throws<PeerLostException>(() => ranks[position].Barrier(Name).Wait()));
        }
        foreach (var rank in ranks) rank.Dispose();
    }

    private static void CheckAllReduce(CollectiveCase test, ICollective rank, double[] expected)
    {
        var buffers = test.BuffersOf(rank.Position);
        rank.AllReduce([.. buffers.Select(b => b.Address)], test.Elements, test.Type, test.Wire, Name).Wait();
        test.AssertEqual(expected, buffers[0], 0, test.Elements, $"all-reduce, rank {rank.Position}");
        foreach (var buffer in buffers) buffer.Dispose();
    }

    private static void CheckReduceScatter(CollectiveCase test, ICollective rank, double[] expected)
    {
        var buffers = test.BuffersOf(rank.Position);
        rank.ReduceScatter([.. buffers.Select(b => b.Address)], test.Elements, test.Type, test.Wire, Name).Wait();
        var (start, length) = Chunks.Of(test.Elements, test.WorldSize, rank.Position, test.Type.Bytes());
        test.AssertEqual(expected, buffers[0], start, length, $"reduce-scatter, rank {rank.Position}");
        foreach (var buffer in buffers) buffer.Dispose();
    }

    private static void CheckAllGather(CollectiveCase test, ICollective rank, double[] expected)
    {
        var (start, length) = Chunks.Of(test.Elements, test.WorldSize, rank.Position, test.Type.Bytes());
        using var memory = test.Memory([.. expected.Select((value, i) => i >= start && i < start + length ? value : double.NaN)]);
        rank.AllGather(memory.Address, test.Elements, test.Type, Name).Wait();
        test.AssertEqual(expected, memory, 0, test.Elements, $"all-gather, rank {rank.Position}");
    }

    private static void CheckBroadcast(CollectiveCase test, ICollective rank, double[] expected, int root)
    {
        using var memory = test.Memory(rank.Position == root ? expected : [.. expected.Select(_ => double.NaN)]);
        rank.Broadcast(memory.Address, memory.Bytes, root, Name).Wait();
        test.AssertEqual(expected, memory, 0, test.Elements, $"broadcast from {root}, rank {rank.Position}");
    }
}

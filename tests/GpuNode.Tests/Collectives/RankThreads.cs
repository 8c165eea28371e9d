using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>Ranks as threads of the test: each gets its collective; all must end, soon.</summary>
internal static class RankThreads
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <returns>By position: what the rank ended with; null where it ended well.</returns>
    public static Exception?[] Run(IReadOnlyList<ICollective> ranks, Action<ICollective> body) => Run(ranks.Count, position => body(ranks[position]));

    public static Exception?[] Run(int count, Action<int> body)
    {
        var ends = new Exception?[count];
        var threads = Enumerable.Range(0, count).Select(position => new Thread(() =>
        {
            try
            {
                body(position);
            }
            catch (Exception error)
            {
                ends[position] = error;
            }
        })
        { IsBackground = true, Name = $"rank {position}" }).ToArray();
        foreach (var thread in threads) thread.Start();
        for (var position = 0; position < count; position++)
            Assert.True(threads[position].Join(Patience), $"rank {position} of {count} still waits after {Patience.TotalSeconds} s.");
        return ends;
    }

    public static void RunAll(IReadOnlyList<ICollective> ranks, Action<ICollective> body)
    {
        var ends = Run(ranks, body);
        Assert.True(ends.All(end => end is null), string.Join("\n", ends.Where(end => end is not null)));
    }
}

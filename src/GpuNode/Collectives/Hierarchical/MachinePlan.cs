using System.Collections.Immutable;

namespace Volley.GpuNode.Collectives.Hierarchical;

/// <summary>Ranks of one machine that can add up a whole subtree among themselves.</summary>
/// <param name="Subtree">Of the shards' tree: the largest ones that lie wholly on the machine.</param>
/// <param name="Positions">Ranks with shards in it, ascending. The first one leads: it carries the sum between the machines.</param>
/// <param name="Local">Their shards, counted from the subtree's first.</param>
/// <param name="SpreadsResult">Some of them have the result from no one else.</param>
internal sealed record LocalSum(TreePiece Subtree, ImmutableArray<int> Positions, ShardAssignment Local, bool SpreadsResult)
{
    public int Leader => Positions[0];
}

/// <summary>
/// Who adds what where, so that the sum stays the canonical one. Neighbours in the order of positions that share a machine form a run; the
/// shards of a run are covered by the largest whole subtrees; the ranks that share a subtree add it up on the machine, and its first rank
/// takes the sum to the exchange between machines. Pieces that fit no subtree of their run travel by themselves.
/// </summary>
/// <remarks>
/// A rank's pieces lie each in exactly one of these subtrees, in order, and are what <see cref="ShardAssignment.PiecesOf"/> gives within it.
/// Two neighbouring subtrees of one run never make up a larger one (it would have been taken), so a leader's pieces in the exchange
/// are exactly the subtrees that it leads.
/// </remarks>
/// <param name="Sums">All subtrees, left to right.</param>
/// <param name="Leaders">Positions that exchange between machines, ascending.</param>
/// <param name="Between">What each leader brings, by place among the leaders.</param>
internal sealed record MachinePlan(ImmutableArray<LocalSum> Sums, ImmutableArray<int> Leaders, ShardAssignment Between)
{
    /// <param name="machines">By position.</param>
    public static MachinePlan Of(ShardAssignment shards, ImmutableArray<string> machines)
    {
        var sums = ImmutableArray.CreateBuilder<LocalSum>();
        for (var first = 0; first < machines.Length;)
        {
            var end = first + 1;
            while (end < machines.Length && machines[end] == machines[first]) end++;
            int[] run = [.. Enumerable.Range(first, end - first)];
            var union = new TreePiece(shards.ByPosition[first].First, shards.ByPosition[end - 1].End - shards.ByPosition[first].First);
            foreach (var subtree in new ShardAssignment(shards.Shards, [union]).PiecesOf(0)) sums.Add(SumOf(subtree, run, shards));
            first = end;
        }
        int[] leaders = [.. sums.Select(sum => sum.Leader).Distinct()];
        var between = leaders.Select(leader =>
        {
            var led = sums.Where(sum => sum.Leader == leader).ToArray();
            return new TreePiece(led[0].Subtree.First, led[^1].Subtree.End - led[0].Subtree.First);
        });
        return new MachinePlan(sums.ToImmutable(), [.. leaders], new ShardAssignment(shards.Shards, [.. between]));
    }

    private static LocalSum SumOf(TreePiece subtree, int[] run, ShardAssignment shards)
    {
        ImmutableArray<int> positions = [.. run.Where(position => Within(subtree, shards.ByPosition[position]).Count > 0)];
        var local = new ShardAssignment(subtree.Count, [.. positions.Select(position => Within(subtree, shards.ByPosition[position])).Select(part => part with { First = part.First - subtree.First })]);
        return new LocalSum(subtree, positions, local, SpreadsResult: positions.Skip(1).Any(position => shards.ByPosition[position].First >= subtree.First));
    }

    private static TreePiece Within(TreePiece subtree, TreePiece shards)
    {
        var first = Math.Max(subtree.First, shards.First);
        return new TreePiece(first, Math.Max(0, Math.Min(subtree.End, shards.End) - first));
    }
}

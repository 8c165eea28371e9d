using System.Collections.Immutable;
using Volley.Shared.Determinism;

namespace Volley.Coordinator.Chaos.Faults;

/// <summary>One fault to come.</summary>
/// <param name="Number">From 1, in the order of <paramref name="At"/>.</param>
/// <param name="At">How much of the sweep's steps must be done before it strikes, 0..1: progress, not the clock, so that it hits something alive.</param>
/// <param name="Hold">How long it lasts, for faults that are held; zero for the others.</param>
/// <param name="Draw">Chooses among the targets that are alive when it strikes.</param>
internal sealed record PlannedFault(int Number, FaultKind Kind, double At, TimeSpan Hold, ulong Draw);

/// <summary>All faults of a run, from the seed alone: the same seed, number and kinds give the same plan.</summary>
internal static class FaultPlan
{
    // The sweep is under way before the first fault, and has room to recover from the last.
    private const double First = 0.03;
    private const double Last = 0.93;

    /// <summary>An agent kills a rank that gave no sign of life for 33 s (at the eleventh missed heartbeat, each 3 s).</summary>
    private static readonly TimeSpan RankPatience = TimeSpan.FromSeconds(36);

    /// <param name="kinds">At least one; those that this machine allows.</param>
    /// <param name="detector">How long a node must be silent until the cluster gives it up.</param>
    public static ImmutableArray<PlannedFault> Of(ulong seed, int faults, IReadOnlyList<FaultKind> kinds, TimeSpan detector)
    {
        if (kinds.Count == 0) throw new ArgumentException("A plan needs at least one kind of fault.", nameof(kinds));
        var dealt = Deal(faults, kinds).ToArray();
        var order = KeyedRandom.For(seed, "chaos-order");
        order.Shuffle(dealt.AsSpan());
        return
        [
            .. dealt.Select((kind, index) =>
            {
                var random = KeyedRandom.For(seed, "chaos-fault", index);
                var at = First + ((Last - First) * (index + random.NextDouble()) / faults);
                return new PlannedFault(index + 1, kind, at, HoldOf(kind, detector, ref random), random.NextUInt64());
            }),
        ];
    }

    /// <summary>Kinds by their weights: the largest remainders are rounded up, and where there are enough faults each kind gets one.</summary>
    private static IEnumerable<FaultKind> Deal(int faults, IReadOnlyList<FaultKind> kinds)
    {
        var each = faults >= kinds.Count ? 1 : 0;
        var rest = faults - (each * kinds.Count);
        var total = (double)kinds.Sum(kind => FaultKinds.Of(kind).Weight);
        var shares = kinds.Select(kind => (Kind: kind, Share: rest * FaultKinds.Of(kind).Weight / total)).ToList();
        var left = rest - shares.Sum(share => (int)share.Share);
        var roundedUp = shares.OrderByDescending(share => share.Share - (int)share.Share).Take(left).Select(share => share.Kind).ToHashSet();
        return shares.SelectMany(share => Enumerable.Repeat(share.Kind, each + (int)share.Share + (roundedUp.Contains(share.Kind) ? 1 : 0)));
    }

    private static TimeSpan HoldOf(FaultKind kind, TimeSpan detector, ref KeyedRandom random)
    {
        var (isLong, extra) = (random.NextDouble(), random.NextDouble());
        return kind switch
        {
            // One in four is given up by its agent; the others are a machine that was busy for a moment.
            FaultKind.RankPause => isLong < 0.25 ? RankPatience + Seconds(3 * extra) : Seconds(1 + (5 * extra)),
            FaultKind.AgentPause or FaultKind.NodePause or FaultKind.LinkCut => isLong < 0.8 ? detector + Seconds(1 + (5 * extra)) : Seconds(1 + (2 * extra)),
            FaultKind.CoordinatorPause => Seconds(2 + (13 * extra)),
            FaultKind.DiskFull => Seconds(2 + (6 * extra)),
            _ => TimeSpan.Zero,
        };
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}

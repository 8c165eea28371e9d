using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>A checkpoint that is written and not yet committed: <c>store: node</c> wants it on a second machine first.</summary>
/// <param name="Target">Who was told to copy it; null: the inventory is asked.</param>
/// <param name="AskedAt">When the target, or the inventory, was first asked.</param>
/// <param name="SentAt">When it was last asked.</param>
/// <param name="Tried">Who could not.</param>
/// <param name="Problem">Why the last of them could not.</param>
internal sealed record PendingCopy(CheckpointReport Report, NodeId? Target, DateTimeOffset AskedAt, DateTimeOffset SentAt, ImmutableArray<NodeId> Tried, string Problem)
{
    /// <summary>Connections, the queue of transfers at the source, fsync.</summary>
    private static readonly TimeSpan Overhead = TimeSpan.FromSeconds(20);

    // A link or disk slower than this is as good as none: the commit waits for it, and a resume would.
    private const double SlowestBytesPerSecond = 4 << 20;

    public TimeSpan Timeout => Overhead + TimeSpan.FromSeconds(Report.Bytes / SlowestBytesPerSecond);

    public PendingCopy Without(NodeId node, string problem, DateTimeOffset now) => this with { Target = null, Tried = Tried.Add(node), Problem = problem, AskedAt = now, SentAt = now };
}

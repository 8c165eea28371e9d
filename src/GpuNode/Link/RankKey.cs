using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Link;

/// <summary>One rank's process in one attempt: what an agent supervises. There is never a second one with the same key.</summary>
public readonly record struct RankKey(TrialId Trial, int Attempt, int Rank)
{
    public override string ToString() => $"{Trial} attempt {Attempt} rank {Rank}";
}

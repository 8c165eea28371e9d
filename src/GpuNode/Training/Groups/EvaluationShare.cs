using System.Text.Json;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Training.Groups;

/// <summary>
/// One rank's share of an evaluation: whole batches, dealt out in turn. After each round the ranks exchange what they measured, and every
/// one adds it in the order of the batches: the same bits as a single rank's, for any number of ranks.
/// </summary>
/// <remarks>A round is also where a stop is agreed on: an evaluation may last longer than the grace a machine has.</remarks>
internal sealed class EvaluationShare(ICollective group, GroupWords words)
{
    public int Position => group.Position;

    public int WorldSize => group.WorldSize;

    /// <param name="own">As many numbers on every rank; zeros where there was no batch left.</param>
    /// <returns>Every rank's, by position: the order of their batches.</returns>
    /// <exception cref="OperationCanceledException">One of the ranks was told to stop.</exception>
    public IReadOnlyList<double[]> Exchange(double[] own, int round)
    {
        var all = GroupBytes.Gather(group, [words.WantsStop ? 1 : 0, .. own], new OperationName("evaluation", Bucket: round));
        if (all.Any(numbers => numbers[0] > 0))
        {
            words.AgreeToStop();
            throw new OperationCanceledException("a rank was told to stop");
        }
        return [.. all.Select(numbers => numbers[1..])];
    }

    /// <summary>What only the rank of the first batch knows.</summary>
    public IReadOnlyDictionary<string, double> FromFirst(IReadOnlyDictionary<string, double> own) =>
        JsonSerializer.Deserialize<Dictionary<string, double>>(GroupBytes.Broadcast(group, JsonSerializer.SerializeToUtf8Bytes(own), 0, new OperationName("firing rates")))!;
}

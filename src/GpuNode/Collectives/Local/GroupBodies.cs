using Volley.GpuNode.Collectives.Benchmarks;
using Volley.GpuNode.Training.Benchmarks;

namespace Volley.GpuNode.Collectives.Local;

/// <summary>What a rank of a local group does once it knows its group.</summary>
/// <returns>The process's exit code.</returns>
internal delegate int GroupBody(GroupRankContext context);

/// <summary>What <c>volley-node group-rank</c> can run, by name. A room that starts local groups adds its line here.</summary>
internal static class GroupBodies
{
    public static IReadOnlyDictionary<string, GroupBody> All { get; } = new Dictionary<string, GroupBody>
    {
        [EchoBody.Name] = EchoBody.Run,
        [AllReduceBenchmark.Name] = AllReduceBenchmark.Run,
        [TrainBenchmark.Name] = TrainBenchmark.Run,
    };
}

using System.Diagnostics;
using Volley.GpuNode.Link;

namespace Volley.GpuNode.Agent;

/// <summary>What is started for a rank. The supervisor spawns it; tests name another program.</summary>
internal interface IRankLauncher
{
    /// <param name="socketPath">Where the rank dials. Its secret comes through standard input, never through arguments.</param>
    /// <param name="slots">Which of the node's slots it gets.</param>
    ProcessStartInfo CommandFor(RankKey key, string socketPath, IReadOnlyList<int> slots);
}

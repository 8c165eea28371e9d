using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>
/// Two tensors whose means the SDT reference's firing-rate hook prints besides its neuron layers, per block i:
/// <c>MS_SSA_Conv{i}_kv_before</c> (k · v, before the sum over tokens) and <c>MS_SSA_Conv{i}_x_after_qkv</c> (q · mask, the input of the projection).
/// </summary>
internal static partial class HookedRate
{
    public static IEnumerable<string> Modules(string key)
    {
        var match = Key().Match(key);
        if (!match.Success) return [];
        var attention = $"block.{match.Groups["block"].Value}.attn";
        return match.Groups["what"].Value == "kv_before" ? [$"{attention}.k_lif", $"{attention}.v_lif"] : [$"{attention}.proj_conv"];
    }

    /// <returns>[T, …] or [T·B, …]; null where the model has no such part.</returns>
    public static Tensor? Of(string key, Recorder recorder)
    {
        var modules = Modules(key).ToArray();
        return modules switch
        {
            [var k, var v] when recorder.Output(k) is { } keys && recorder.Output(v) is { } values => keys * values,
            [var projection] => recorder.Input(projection),
            _ => null,
        };
    }

    [GeneratedRegex(@"^MS_SSA_Conv(?<block>\d+)_(?<what>kv_before|x_after_qkv)$")]
    private static partial Regex Key();
}

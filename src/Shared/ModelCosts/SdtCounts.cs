using Volley.Shared.Config;

namespace Volley.Shared.ModelCosts;

internal static class SdtCounts
{
    public static ModelCounts Count(SdtSpec spec, ModelInput input)
    {
        var count = new CountBuilder(spec.TimeSteps);
        long width = spec.EmbedDim, hidden = (long)(spec.EmbedDim * spec.MlpRatio);
        // PLIF: one w per neuron layer, those that forward never calls included.
        long perNeuronLayer = spec.Neuron == "plif" ? 1 : 0;
        var tokens = SpikingPatchEmbeddingCounts.Add(count, spec, input, [.. spec.PoolingStat.Select(digit => digit == '1')], poolsBeforeNeuron: true);
        count.Parameters(4 * perNeuronLayer);
        count.UnusedParameters(perNeuronLayer);   // rpe_lif
        for (var i = 0; i < spec.Depth; i++)
        {
            var (attention, mlp) = ($"block.{i}.attn", $"block.{i}.mlp");
            count.Neurons($"{attention}.shortcut_lif", width * tokens);
            foreach (var branch in (string[])["q", "k", "v"])
            {
                count.Driven($"{attention}.{branch}_conv", tokens * width * width, $"{attention}.shortcut_lif");
                count.Neurons($"{attention}.{branch}_lif", width * tokens);
                count.Parameters(width * width + 2 * width);
            }
            // Masks and additions; which rates the paper means is open, the sum of q's and k's is the proposal on record.
            count.Attention($"{attention}.sdsa", tokens * width, $"{attention}.q_lif", $"{attention}.k_lif");
            count.Neurons($"{attention}.talking_heads_lif", width);
            count.DrivenByProduct($"{attention}.proj_conv", tokens * width * width, $"{attention}.q_lif", $"{attention}.talking_heads_lif");
            count.Parameters(width * width + width + 2 * width);
            count.UnusedParameters((long)spec.Heads * spec.Heads + perNeuronLayer);   // talking_heads, attn_lif

            count.Neurons($"{mlp}.fc1_lif", width * tokens);
            count.Driven($"{mlp}.fc1_conv", tokens * width * hidden, $"{mlp}.fc1_lif");
            count.Neurons($"{mlp}.fc2_lif", hidden * tokens);
            count.Driven($"{mlp}.fc2_conv", tokens * hidden * width, $"{mlp}.fc2_lif");
            count.Parameters(width * hidden + hidden + 2 * hidden + hidden * width + width + 2 * width);
            count.Parameters(7 * perNeuronLayer);
        }
        count.Neurons("head_lif", width);
        count.Driven("head", width * input.Classes, "head_lif");
        count.Parameters(width * input.Classes + input.Classes + perNeuronLayer);
        return count.Build();
    }
}

using System.Collections.Immutable;
using Volley.Shared.Config;

namespace Volley.Shared.ModelCosts;

internal static class SpikformerCounts
{
    public static ModelCounts Count(SpikformerSpec spec, ModelInput input)
    {
        var count = new CountBuilder(spec.TimeSteps);
        long width = spec.EmbedDim, hidden = (long)(spec.EmbedDim * spec.MlpRatio);
        long perNeuronLayer = spec.Neuron == "plif" ? 1 : 0;
        var tokens = SpikingPatchEmbeddingCounts.Add(count, spec, input, [false, false, true, true], poolsBeforeNeuron: false);
        count.Neurons("patch_embed.rpe_lif", width * tokens);
        count.Parameters(5 * perNeuronLayer);

        // The stream between blocks is a sum of spikes: each of them is one addition in the layer it enters.
        ImmutableArray<string> stream = ["patch_embed.rpe_lif", "patch_embed.proj_lif3"];
        for (var i = 0; i < spec.Depth; i++)
        {
            var (attention, mlp) = ($"block.{i}.attn", $"block.{i}.mlp");
            count.UnusedParameters(2 * 2 * width);   // norm1, norm2
            foreach (var branch in (string[])["q", "k", "v"])
            {
                Linear($"{attention}.{branch}_linear", width, width, stream);
                count.Neurons($"{attention}.{branch}_lif", width * tokens);
            }
            count.Attention($"{attention}.q_kT", tokens * tokens * width, $"{attention}.q_lif");
            count.Attention($"{attention}.attn_v", tokens * tokens * width, $"{attention}.v_lif");
            count.Neurons($"{attention}.attn_lif", width * tokens);
            Linear($"{attention}.proj_linear", width, width, [$"{attention}.attn_lif"]);
            count.Neurons($"{attention}.proj_lif", width * tokens);
            stream = stream.Add($"{attention}.proj_lif");

            Linear($"{mlp}.fc1_linear", width, hidden, stream);
            count.Neurons($"{mlp}.fc1_lif", hidden * tokens);
            Linear($"{mlp}.fc2_linear", hidden, width, [$"{mlp}.fc1_lif"]);
            count.Neurons($"{mlp}.fc2_lif", width * tokens);
            stream = stream.Add($"{mlp}.fc2_lif");
            count.Parameters(7 * perNeuronLayer);
        }
        // After the means over tokens and time the head's input is real-valued and comes once per image.
        count.Dense("head", width * input.Classes, calls: 1);
        count.Parameters(width * input.Classes + input.Classes);
        return count.Build();

        // Every linear layer has a bias and is followed by batch norm.
        void Linear(string name, long inputs, long outputs, ImmutableArray<string> rateOf)
        {
            count.Driven(name, tokens * inputs * outputs, rateOf);
            count.Parameters(inputs * outputs + outputs + 2 * outputs);
        }
    }
}

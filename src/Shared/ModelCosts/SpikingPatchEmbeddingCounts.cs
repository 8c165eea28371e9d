using Volley.Shared.Config;

namespace Volley.Shared.ModelCosts;

/// <summary>The patch embedding that both spiking transformers have: four 3×3 convolutions with batch norm and neurons, and one for positions.</summary>
internal static class SpikingPatchEmbeddingCounts
{
    private const string Room = "patch_embed";

    /// <param name="isPooled">Whether each of the four stages halves the map.</param>
    /// <param name="poolsBeforeNeuron">SDT's last stage pools before its neurons: they are fewer.</param>
    /// <returns>Tokens N.</returns>
    public static long Add(CountBuilder count, SpikingSpec spec, ModelInput input, bool[] isPooled, bool poolsBeforeNeuron)
    {
        long height = input.Height, width = input.Width, channels = input.Channels;
        for (var stage = 0; stage < 4; stage++)
        {
            var suffix = stage == 0 ? "" : $"{stage}";
            var outChannels = (long)spec.EmbedDim / (8 >> stage);
            var operations = 9 * channels * outChannels * height * width;
            if (stage == 0 && spec.Encoder == "direct") count.Dense($"{Room}.proj_conv", operations, spec.TimeSteps);
            else if (stage == 0) count.Driven($"{Room}.proj_conv", operations);   // the encoder's spikes; their rate is measured
            else count.Driven($"{Room}.proj_conv{suffix}", operations, $"{Room}.proj_lif{(stage == 1 ? "" : stage - 1)}");
            count.Parameters(9 * channels * outChannels + 2 * outChannels);

            var pooled = isPooled[stage] ? (ModelCounter.Halved(height), ModelCounter.Halved(width)) : (height, width);
            if (stage == 3 && poolsBeforeNeuron) (height, width) = pooled;
            count.Neurons($"{Room}.proj_lif{suffix}", outChannels * height * width);
            (height, width, channels) = (pooled.Item1, pooled.Item2, outChannels);
        }
        count.Driven($"{Room}.rpe_conv", 9 * channels * channels * height * width, $"{Room}.proj_lif3");
        count.Parameters(9 * channels * channels + 2 * channels);
        return height * width;
    }
}

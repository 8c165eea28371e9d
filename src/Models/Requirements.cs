using Volley.Models.Spiking;
using Volley.Shared.Config;

namespace Volley.Models;

/// <summary>What a network needs of its specification and of the images; every problem in one pass, before a tensor is made.</summary>
internal static class Requirements
{
    // Ten times the deepest networks of these kinds; more is a slip of the finger that would fill the memory.
    private const int MostBlocks = 1000;

    public static void Check(ModelSpec spec, ModelInput input)
    {
        var problems = new List<ConfigProblem>();
        AtLeast("dataset.channels", input.Channels, 1);
        AtLeast("dataset.image_size", Math.Min(input.Height, input.Width), 1);
        AtLeast("dataset.classes", input.Classes, 1);
        Probability("model.dropout", spec.Dropout);
        if (spec is TransformerSpec transformer) CheckTransformer(transformer);
        if (spec is SpikingSpec spiking)
        {
            // The patch embedding starts with an eighth of the width.
            if (spiking.EmbedDim is >= 1 and < 8) AtLeast("model.embed_dim", spiking.EmbedDim, 8);
            problems.AddRange(NeuronSettings.Problems(spiking));
        }
        switch (spec)
        {
            case SdtSpec sdt when sdt.PoolingStat.Length != 4 || sdt.PoolingStat.Any(digit => digit is not ('0' or '1')):
                Problem("model.pooling_stat", $"is '{sdt.PoolingStat}', must be four digits, 1 where a stage halves the map, else 0; \"0011\" in the paper's CIFAR models");
                break;
            case ResNetSpec resNet:
                AtLeast("model.width", resNet.Width, 1);
                if (resNet.Blocks.Count != 4 || resNet.Blocks.Any(n => n is < 1 or > MostBlocks))
                    Problem("model.blocks", $"is [{string.Join(", ", resNet.Blocks)}], must be four numbers from 1 to {MostBlocks}: the basic blocks of each stage");
                break;
            case VitSpec vit when vit.Patch < 1:
                AtLeast("model.patch", vit.Patch, 1);
                break;
            case VitSpec vit when input.Height % vit.Patch != 0 || input.Width % vit.Patch != 0:
                Problem("model.patch", $"is {vit.Patch}, must divide the image's sides ({input.Height} × {input.Width}); change it or dataset.image_size");
                break;
        }
        if (problems.Count > 0) throw new ConfigException(problems);

        void CheckTransformer(TransformerSpec t)
        {
            AtLeast("model.embed_dim", t.EmbedDim, 1);
            AtLeast("model.depth", t.Depth, 1);
            AtMost("model.depth", t.Depth, MostBlocks);
            AtLeast("model.heads", t.Heads, 1);
            if (t.Heads >= 1 && t.EmbedDim % t.Heads != 0)
                Problem("model.heads", $"is {t.Heads}, must divide model.embed_dim ({t.EmbedDim})");
            if (!(t.MlpRatio * t.EmbedDim >= 1)) Problem("model.mlp_ratio", $"is {t.MlpRatio}, must give a hidden width of at least 1");
            Probability("model.drop_path", t.DropPath);
        }

        void AtLeast(string key, int value, int least)
        {
            if (value < least) Problem(key, $"is {value}, must be at least {least}");
        }

        void AtMost(string key, int value, int most)
        {
            if (value > most) Problem(key, $"is {value}, must be at most {most}");
        }

        void Probability(string key, double value)
        {
            if (value is not (>= 0 and < 1)) Problem(key, $"is {value}, must be in [0, 1)");
        }

        void Problem(string key, string message) => problems.Add(new ConfigProblem("", key, message));
    }
}

using TorchSharp.Modules;
using Volley.Models.Layers;
using Volley.Models.Spiking;
using Volley.Shared.Config;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.SpikeDrivenTransformer;

/// <summary>Spike-driven Transformer, Yao et al., NeurIPS 2023, CIFAR configuration; names as BICLab/Spike-Driven-Transformer.</summary>
public sealed class SpikeDrivenTransformer : SpikingClassifier
{
    private readonly SpikePatchSplitting patch_embed;
    private readonly ModuleList<SpikeDrivenBlock> block;
    private readonly SpikingNeuron head_lif;
    private readonly Linear head;
    private readonly Dropout dropout;

    /// <param name="spec">Inside <c>Requirements</c>.</param>
    /// <param name="input">What the data decides.</param>
    public SpikeDrivenTransformer(SdtSpec spec, ModelInput input) : base(nameof(SpikeDrivenTransformer), spec)
    {
        patch_embed = new SpikePatchSplitting(Flow, Neurons, Encoder, input.Channels, spec.EmbedDim, spec.PoolingStat);
        var rates = DropPath.LinearRates(spec.DropPath, spec.Depth);
        var hiddenDim = (int)(spec.EmbedDim * spec.MlpRatio);
        block = new ModuleList<SpikeDrivenBlock>(
            [.. rates.Select(rate => new SpikeDrivenBlock(Flow, Neurons, spec.EmbedDim, spec.Heads, hiddenDim, rate))]);
        head_lif = Neurons.Create();
        head = Linear(spec.EmbedDim, input.Classes);
        dropout = Dropout(spec.Dropout);
        RegisterComponents();
    }

    public override IReadOnlyList<string> Blocks => [nameof(patch_embed), .. Enumerable.Range(0, block.Count).Select(i => $"{nameof(block)}.{i}")];

    private protected override Tensor Features(Tensor x_BCHW)
    {
        var stream_TBDhw = patch_embed.call(x_BCHW);
        foreach (var part in block) stream_TBDhw = part.call(stream_TBDhw);
        return head_lif.call(stream_TBDhw.mean([3, 4]));
    }

    private protected override Tensor LogitsPerTimeStep(Tensor x_TBD) => head.call(dropout.call(x_TBD));

    private protected override Tensor MeanLogits(Tensor x_TBD) => LogitsPerTimeStep(x_TBD).mean([0]);

    private protected override IEnumerable<string> UsedNeurons() =>
    [
        "patch_embed.proj_lif", "patch_embed.proj_lif1", "patch_embed.proj_lif2", "patch_embed.proj_lif3",
        .. Enumerable.Range(0, block.Count).SelectMany(i =>
            SpikeDrivenSelfAttention.UsedNeurons.Select(n => $"block.{i}.attn.{n}").Concat(SpikeDrivenMlp.UsedNeurons.Select(n => $"block.{i}.mlp.{n}"))),
        "head_lif",
    ];

    private protected override bool IsUnused(string parameter) =>
        parameter.Contains(".talking_heads.", StringComparison.Ordinal) || parameter.Contains(".attn_lif.", StringComparison.Ordinal)
        || parameter.StartsWith("patch_embed.rpe_lif.", StringComparison.Ordinal);
}

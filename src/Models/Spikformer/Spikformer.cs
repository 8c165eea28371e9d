using TorchSharp.Modules;
using Volley.Models.Layers;
using Volley.Models.Spiking;
using Volley.Shared.Config;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spikformer;

/// <summary>Spikformer, Zhou et al., ICLR 2023, CIFAR version; names as ZK-Zhou/spikformer.</summary>
public sealed class Spikformer : SpikingClassifier
{
    private readonly SpikingPatchSplitting patch_embed;
    private readonly ModuleList<SpikformerBlock> block;
    private readonly Linear head;
    private readonly Dropout dropout;

    /// <param name="spec">Inside <c>Requirements</c>.</param>
    /// <param name="input">What the data decides.</param>
    public Spikformer(SpikformerSpec spec, ModelInput input) : base(nameof(Spikformer), spec)
    {
        patch_embed = new SpikingPatchSplitting(Flow, Neurons, Encoder, input.Channels, spec.EmbedDim);
        var rates = DropPath.LinearRates(spec.DropPath, spec.Depth);
        var hiddenDim = (int)(spec.EmbedDim * spec.MlpRatio);
        block = new ModuleList<SpikformerBlock>(
            [.. rates.Select(rate => new SpikformerBlock(Flow, Neurons, spec.EmbedDim, spec.Heads, hiddenDim, rate))]);
        head = Linear(spec.EmbedDim, input.Classes);
        dropout = Dropout(spec.Dropout);
        RegisterComponents();
    }

    public override IReadOnlyList<string> Blocks => [nameof(patch_embed), .. Enumerable.Range(0, block.Count).Select(i => $"{nameof(block)}.{i}")];

    private protected override Tensor Features(Tensor x_BCHW)
    {
        var stream_TBND = patch_embed.call(x_BCHW);
        foreach (var part in block) stream_TBND = part.call(stream_TBND);
        return stream_TBND.mean([2]);
    }

    private protected override Tensor LogitsPerTimeStep(Tensor x_TBD) => head.call(dropout.call(x_TBD));

    // The reference takes the mean over time before the head, not after it.
    private protected override Tensor MeanLogits(Tensor x_TBD) => head.call(dropout.call(x_TBD.mean([0])));

    private protected override IEnumerable<string> UsedNeurons() =>
    [
        "patch_embed.proj_lif", "patch_embed.proj_lif1", "patch_embed.proj_lif2", "patch_embed.proj_lif3", "patch_embed.rpe_lif",
        .. Enumerable.Range(0, block.Count).SelectMany(i =>
            SpikingSelfAttention.UsedNeurons.Select(n => $"block.{i}.attn.{n}").Concat(SpikingMlp.UsedNeurons.Select(n => $"block.{i}.mlp.{n}"))),
    ];

    private protected override bool IsUnused(string parameter) =>
        parameter.Contains(".norm1.", StringComparison.Ordinal) || parameter.Contains(".norm2.", StringComparison.Ordinal);
}

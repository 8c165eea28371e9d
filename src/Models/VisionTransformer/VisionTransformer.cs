using TorchSharp.Modules;
using Volley.Models.Layers;
using Volley.Shared.Config;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.VisionTransformer;

// B batch, C channels, H × W image, P patch edge, N = (H/P)(W/P) patches, D width, K classes.

/// <summary>ViT with a class token, learned positions and pre-norm blocks (Dosovitskiy et al. 2021). Tensor names as timm's.</summary>
public sealed class VisionTransformer : ImageClassifier
{
    // timm's value; libtorch's default is 1e-5.
    internal const double LayerNormEps = 1e-6;

    private readonly PatchEmbedding patch_embed;
    private readonly Parameter cls_token;
    private readonly Parameter pos_embed;
    private readonly Dropout pos_drop;
    private readonly ModuleList<VisionTransformerBlock> blocks;
    private readonly LayerNorm norm;
    private readonly Dropout head_drop;
    private readonly Linear head;

    public VisionTransformer(VitSpec spec, ModelInput input) : base(nameof(VisionTransformer))
    {
        Requirements.Check(spec, input);
        var tokens = input.Height / spec.Patch * (input.Width / spec.Patch) + 1;
        var rates = DropPath.LinearRates(spec.DropPath, spec.Depth);
        patch_embed = new PatchEmbedding(input.Channels, spec.EmbedDim, spec.Patch);
        cls_token = Parameter(zeros(1, 1, spec.EmbedDim));
        pos_embed = Parameter(zeros(1, tokens, spec.EmbedDim));
        pos_drop = Dropout(spec.Dropout);
        blocks = new ModuleList<VisionTransformerBlock>([.. rates.Select(rate => new VisionTransformerBlock(spec, rate))]);
        norm = LayerNorm(spec.EmbedDim, LayerNormEps);
        head_drop = Dropout(spec.Dropout);
        head = Linear(spec.EmbedDim, input.Classes);
        RegisterComponents();
    }

    public override IReadOnlySet<string> NeverDecayed { get; } = new HashSet<string> { nameof(cls_token), nameof(pos_embed) };

    public override IReadOnlyList<string> Blocks => [nameof(patch_embed), .. Enumerable.Range(0, blocks.Count).Select(i => $"{nameof(blocks)}.{i}")];

    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        var patches_BND = patch_embed.call(x_BCHW);
        var x_BND = cat([cls_token.expand(x_BCHW.shape[0], -1, -1), patches_BND], dim: 1).add(pos_embed);
        x_BND = pos_drop.call(x_BND);
        foreach (var block in blocks) x_BND = block.call(x_BND);
        // The reference normalises every token; the head sees the class token alone.
        var class_BD = norm.call(x_BND).select(1, 0);
        return head.call(head_drop.call(class_BD)).MoveToOuterDisposeScope();
    }
}

/// <summary>x + attention(norm(x)), then x + MLP(norm(x)).</summary>
internal sealed class VisionTransformerBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly SelfAttention attn;
    private readonly LayerNorm norm2;
    private readonly Mlp mlp;
    private readonly DropPath drop_path;

    public VisionTransformerBlock(VitSpec spec, double dropPath) : base(nameof(VisionTransformerBlock))
    {
        norm1 = LayerNorm(spec.EmbedDim, VisionTransformer.LayerNormEps);
        attn = new SelfAttention(spec.EmbedDim, spec.Heads, spec.Dropout);
        norm2 = LayerNorm(spec.EmbedDim, VisionTransformer.LayerNormEps);
        mlp = new Mlp(spec.EmbedDim, (int)(spec.EmbedDim * spec.MlpRatio), spec.Dropout);
        drop_path = new DropPath(dropPath);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BND)
    {
        using var scope = NewDisposeScope();
        var attended = x_BND.add(drop_path.call(attn.call(norm1.call(x_BND))));
        return attended.add(drop_path.call(mlp.call(norm2.call(attended)))).MoveToOuterDisposeScope();
    }
}

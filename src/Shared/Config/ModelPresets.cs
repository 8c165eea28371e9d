using System.Diagnostics.CodeAnalysis;

namespace Volley.Shared.Config;

/// <summary>What a model's name stands for before other keys override it: families with their defaults, presets under the names people use.</summary>
/// <remarks>
/// A preset's name says depth and width. Heads as in golden/reference_tables.md ("Parameters and multiply-accumulates"): 8 where the
/// width is 256 or 512, 12 where it is 384; the ViTs have the depth, width and heads of their spiking namesakes.
/// </remarks>
public static class ModelPresets
{
    public static IReadOnlyList<string> Families { get; } = ["sdt", "spikformer", "resnet18", "vit"];

    /// <summary>Every name that <see cref="TryGet"/> knows, families first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Families,
        "sdt-2-256", "sdt-2-512",
        "spikformer-4-384", "spikformer-4-256", "spikformer-2-384",
        "vit-2-256", "vit-2-512", "vit-2-384", "vit-4-256", "vit-4-384",
    ];

    /// <summary>The specification behind a name. <c>resnet18</c> is both a family and a preset.</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out ModelSpec? spec)
    {
        spec = name switch
        {
            "sdt" => new SdtSpec { Name = name },
            "spikformer" => new SpikformerSpec { Name = name },
            "resnet18" => new ResNetSpec { Name = name },
            "vit" => new VitSpec { Name = name },
            "sdt-2-256" => new SdtSpec { Name = name, Depth = 2, EmbedDim = 256, Heads = 8 },
            "sdt-2-512" => new SdtSpec { Name = name, Depth = 2, EmbedDim = 512, Heads = 8 },
            "spikformer-4-384" => new SpikformerSpec { Name = name, Depth = 4, EmbedDim = 384, Heads = 12 },
            "spikformer-4-256" => new SpikformerSpec { Name = name, Depth = 4, EmbedDim = 256, Heads = 8 },
            "spikformer-2-384" => new SpikformerSpec { Name = name, Depth = 2, EmbedDim = 384, Heads = 12 },
            "vit-2-256" => new VitSpec { Name = name, Depth = 2, EmbedDim = 256, Heads = 8 },
            "vit-2-512" => new VitSpec { Name = name, Depth = 2, EmbedDim = 512, Heads = 8 },
            "vit-2-384" => new VitSpec { Name = name, Depth = 2, EmbedDim = 384, Heads = 12 },
            "vit-4-256" => new VitSpec { Name = name, Depth = 4, EmbedDim = 256, Heads = 8 },
            "vit-4-384" => new VitSpec { Name = name, Depth = 4, EmbedDim = 384, Heads = 12 },
            _ => null,
        };
        return spec is not null;
    }
}

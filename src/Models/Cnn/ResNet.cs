using TorchSharp.Modules;
using Volley.Models.Spiking.Fused;
using Volley.Shared.Config;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Cnn;

/// <summary>ResNet-18 for small images: 3×3 stem without pooling, four stages of basic blocks, average pool, linear.</summary>
/// <remarks>He et al. 2016; layout and tensor names of kuangliu/pytorch-cifar. Its 4×4 average pool at 32 pixels is the mean over the last map, which works for any size.</remarks>
public sealed class ResNet : ImageClassifier
{
    // Fields carry the names of the reference's state_dict: RegisterComponents takes them from here.
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;
    private readonly Dropout head_drop;
    private readonly Linear linear;

    public ResNet(ResNetSpec spec, ModelInput input) : base(nameof(ResNet))
    {
        Requirements.Check(spec, input);
        var width = spec.Width;
        conv1 = Conv2d(input.Channels, width, kernel_size: 3, padding: 1, bias: false);
        bn1 = BatchNorm2d(width);
        layer1 = Stage(width, width, spec.Blocks[0], stride: 1);
        layer2 = Stage(width, 2 * width, spec.Blocks[1], stride: 2);
        layer3 = Stage(2 * width, 4 * width, spec.Blocks[2], stride: 2);
        layer4 = Stage(4 * width, 8 * width, spec.Blocks[3], stride: 2);
        head_drop = Dropout(spec.Dropout);
        linear = Linear(8 * width, input.Classes);
        RegisterComponents();
        Blocks = [.. spec.Blocks.SelectMany((count, stage) => Enumerable.Range(0, count).Select(block => $"layer{stage + 1}.{block}"))];
    }

    public override IReadOnlyList<string> Blocks { get; }

    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        var map = Norms.Apply(bn1, conv1.call(x_BCHW)).relu_();
        map = layer4.call(layer3.call(layer2.call(layer1.call(map))));
        var features_BC = map.mean([2, 3]);
        return linear.call(head_drop.call(features_BC)).MoveToOuterDisposeScope();
    }

    private static Sequential Stage(int inChannels, int outChannels, int blocks, int stride) =>
        Sequential(Enumerable.Range(0, blocks).Select(i => (i.ToString(),
            (Module<Tensor, Tensor>)new BasicBlock(i == 0 ? inChannels : outChannels, outChannels, i == 0 ? stride : 1))));
}

/// <summary>Two 3×3 convolutions with batch norm, and a shortcut that projects (1×1 convolution, batch norm) where the shape changes.</summary>
internal sealed class BasicBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Sequential? shortcut;

    public BasicBlock(int inChannels, int outChannels, int stride) : base(nameof(BasicBlock))
    {
        conv1 = Conv2d(inChannels, outChannels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn1 = BatchNorm2d(outChannels);
        conv2 = Conv2d(outChannels, outChannels, kernel_size: 3, padding: 1, bias: false);
        bn2 = BatchNorm2d(outChannels);
        if (stride != 1 || inChannels != outChannels)
            shortcut = Sequential(
                ("0", Conv2d(inChannels, outChannels, kernel_size: 1, stride: stride, bias: false)),
                ("1", BatchNorm2d(outChannels)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        // In place: batch norm's backward needs its input, not its output.
        var branch = Norms.Apply(bn2, conv2.call(Norms.Apply(bn1, conv1.call(x_BCHW)).relu_()));
        branch.add_(Shortcut(x_BCHW));
        return branch.relu_().MoveToOuterDisposeScope();
    }

    private Tensor Shortcut(Tensor x_BCHW) => shortcut switch
    {
        null => x_BCHW,
        _ when NormSynchronisation.Current is null => shortcut.call(x_BCHW),
        [Conv2d projection, BatchNorm2d norm] => Norms.Apply(norm, projection.call(x_BCHW)),
        _ => throw new InvalidOperationException("a shortcut is a convolution and a norm"),
    };
}

/// <summary>libtorch's batch norm, or one whose statistics others share.</summary>
internal static class Norms
{
    /// <param name="x_BCHW">Borrowed.</param>
    public static Tensor Apply(BatchNorm2d norm, Tensor x_BCHW)
    {
        if (NormSynchronisation.Current is null || !norm.training) return norm.call(x_BCHW);
        // Statistics of bf16 input are taken in the norm's own precision, as libtorch does.
        using var scope = NewDisposeScope();
        var full = x_BCHW.dtype == ScalarType.Float64 ? x_BCHW : x_BCHW.to(ScalarType.Float32);
        return FusedNorm.Norm(norm, full, null).to(x_BCHW.dtype).MoveToOuterDisposeScope();
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models;

/// <summary>
/// Tells during backward how far it has come: an identity behind each of a network's blocks, whose own backward runs when every gradient
/// of what comes after that block in forward has been accumulated (DESIGN §12). Without marks a network runs as it is.
/// </summary>
/// <remarks>
/// libtorch's engine runs what is ready in the reverse order of forward, and accumulates a leaf's gradient before anything else. About 9 µs a mark.
/// </remarks>
public sealed class BackwardMarks : IDisposable
{
    private readonly List<Action> _removals = [];

    /// <param name="network">Its <see cref="ImageClassifier.Blocks"/> get the marks.</param>
    /// <param name="reached">Given a block's name when everything after it is final; on the thread that runs backward. What it throws comes out of <see cref="BackwardFailure.ThrowIfAny"/>.</param>
    public BackwardMarks(ImageClassifier network, Action<string> reached)
    {
        var modules = network.named_modules().ToDictionary(m => m.name, m => m.module);
        foreach (var name in network.Blocks)
        {
            var block = (Module<Tensor, Tensor>)modules[name];
            Action passed = () => reached(name);
            var hook = block.register_forward_hook((_, _, output) => IsActive && is_grad_enabled() && output.requires_grad ? BackwardMark.apply(output, passed) : output);
            _removals.Add(hook.remove);
        }
    }

    /// <summary>Whether forward sets marks.</summary>
    public bool IsActive { get; set; }

    public void Dispose()
    {
        foreach (var remove in _removals) remove();
        _removals.Clear();
    }
}

internal sealed class BackwardMark : autograd.SingleTensorFunction<BackwardMark>
{
    public override string Name => nameof(BackwardMark);

    /// <param name="ctx">Keeps the action.</param>
    /// <param name="vars">A block's output and what to do when backward comes to it.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data("passed", vars[1]);
        return ((Tensor)vars[0]).alias();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => BackwardFailure.Guard(
        grad_output,
        () =>
        {
            ((Action)ctx.get_data("passed"))();
            return [grad_output.alias(), null];
        },
        () => [grad_output.alias(), null]);
}

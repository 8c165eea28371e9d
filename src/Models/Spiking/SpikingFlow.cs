using TorchSharp.Modules;
using Volley.Models.Spiking.Fused;
using Volley.Models.Spiking.Sparse;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spiking;

// T time steps, B images, M = T·B folded (time major), C channels, X the dimensions of one image, R = rows of a matrix.

/// <summary>How the parts of one spiking model pass tensors on: T, folding time into the batch and back, and what runs between two convolutions.</summary>
/// <remarks>
/// Neurons see [T, B, …]; convolutions, linear layers and batch norm see [T·B, …], so norm statistics are over time, batch and space. Maps lie in memory with
/// channels last: libtorch's convolutions need no reordering then, and a 1×1 convolution, a linear layer and a norm all see the same matrix [rows, C].
/// </remarks>
internal sealed class SpikingFlow(int timeSteps)
{
    public int TimeSteps { get; } = timeSteps;

    /// <summary>Set while hooks look: every neuron layer is called by itself.</summary>
    public bool IsObserved { get; set; }

    /// <summary>Which implementation of norms runs; neuron layers have their own setting.</summary>
    public NeuronKernel Kernel { get; set; }

    /// <returns>[T·B, X]. A view.</returns>
    public static Tensor Fold(Tensor x_TBX) => x_TBX.flatten(0, 1);

    /// <returns>[T, B, X]. A view.</returns>
    public Tensor Unfold(Tensor x_MX) => x_MX.unflatten(0, [TimeSteps, -1]);

    /// <summary>A convolution, over the spikes alone where its input is spikes and few.</summary>
    /// <param name="x_MCHW">Borrowed.</param>
    /// <returns>Owned by the caller.</returns>
    public Tensor Convolve(Conv2d convolution, Tensor x_MCHW) =>
        (Kernel != NeuronKernel.Plain && !IsObserved ? SpikeConvolution.TryApply(convolution, x_MCHW) : null) ?? convolution.call(x_MCHW);

    /// <summary>A convolution's or linear layer's output through norm and neurons.</summary>
    /// <param name="x_MX">[T·B, C, H, W] or [T·B, N, C]; with <paramref name="isRepeated"/> [B, …], the same at each time step. Borrowed.</param>
    /// <returns>Spikes, [T, B, …]. Owned by the caller.</returns>
    public Tensor NormAndFire(NormBase norm, SpikingNeuron neurons, Tensor x_MX, bool isRepeated = false)
    {
        if (Kernel != NeuronKernel.Plain && !IsObserved && FusedNorm.Takes(x_MX)) return FusedNorm.NormAndFire(norm, neurons, x_MX, TimeSteps, isRepeated);
        using var scope = NewDisposeScope();
        return Fire(neurons, Norm(norm, x_MX, repeats: isRepeated ? TimeSteps : 1), isRepeated).MoveToOuterDisposeScope();
    }

    /// <returns>Spikes, [T, B, …]. Owned by the caller.</returns>
    public Tensor Fire(SpikingNeuron neurons, Tensor x_MX, bool isRepeated = false)
    {
        using var scope = NewDisposeScope();
        Tensor spikes;
        if (!isRepeated) spikes = neurons.call(Unfold(x_MX));
        else if (!IsObserved) spikes = neurons.ForwardRepeated(x_MX.unsqueeze(0), TimeSteps);
        else spikes = neurons.call(x_MX.unsqueeze(0).expand([TimeSteps, .. x_MX.shape]));
        return spikes.MoveToOuterDisposeScope();
    }

    /// <summary>Batch norm over everything but the channels.</summary>
    /// <param name="residual_MX">Added to the result where there is one. Borrowed.</param>
    /// <param name="repeats">How many equal copies of the input the statistics stand for.</param>
    public Tensor Norm(NormBase norm, Tensor x_MX, Tensor? residual_MX = null, int repeats = 1)
    {
        if (Kernel != NeuronKernel.Plain && FusedNorm.Takes(x_MX)) return FusedNorm.Norm(norm, x_MX, residual_MX, repeats);
        using var scope = NewDisposeScope();
        Tensor normed;
        if (repeats > 1 && norm.training) normed = NormOfRepeated(norm, x_MX, repeats);
        // [M, N, C] is [R, C] to a norm; maps it takes as they are.
        else normed = x_MX.dim() == 4 ? norm.call(x_MX) : norm.call(x_MX.flatten(0, 1)).view_as(x_MX);
        return (residual_MX is null ? normed : normed.add(residual_MX)).MoveToOuterDisposeScope();
    }

    /// <returns>The stream plus the normalised branch, which training may drop. [T, B, …]. Owned by the caller.</returns>
    public Tensor AddBranch(Tensor stream_TBX, NormBase norm, Tensor branch_MX, BranchDrop drop, bool isTraining)
    {
        using var scope = NewDisposeScope();
        var sum = drop.IsActive(isTraining)
            ? stream_TBX.add(drop.Apply(Unfold(Norm(norm, branch_MX)), isTraining))
            : Unfold(Norm(norm, branch_MX, Fold(stream_TBX)));
        return sum.MoveToOuterDisposeScope();
    }

    /// <summary>Training-mode batch norm of an input that stands for several equal copies.</summary>
    /// <remarks>Mean and variance are those of one copy; only the running variance's unbiased factor n/(n−1) counts them all (DESIGN §12, trap 10).</remarks>
    private static Tensor NormOfRepeated(NormBase norm, Tensor x, int repeats)
    {
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            var over = Enumerable.Range(0, (int)x.dim()).Where(d => d != 1).Select(d => (long)d).ToArray();
            var n = (double)x.numel() / x.shape[1] * repeats;
            var momentum = norm.momentum ?? throw new NotSupportedException("batch norm with a cumulative average");
            norm.num_batches_tracked!.add_(1);
            norm.running_mean!.mul_(1 - momentum).add_(x.mean(over), momentum);
            norm.running_var!.mul_(1 - momentum).add_(x.var(over, unbiased: false), momentum * n / (n - 1));
        }
        return functional.batch_norm(x, null, null, norm.weight, norm.bias, training: true, norm.momentum.Value, norm.eps).MoveToOuterDisposeScope();
    }

    /// <returns>The same values with channels last in memory. The input itself where it is so already.</returns>
    public static Tensor ChannelsLast(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        return x_BCHW.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }
}

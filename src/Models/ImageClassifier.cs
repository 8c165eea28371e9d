using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models;

/// <summary>What training, evaluation, checks and profiles need of a network. Single device; it never learns that ranks exist.</summary>
/// <remarks>
/// Names of parameters and buffers equal the reference implementation's <c>state_dict</c>; so do the names of submodules, which are
/// called through <c>call()</c>, never <c>forward()</c>: hooks on them are how checks see intermediates and profiles see input rates.
/// </remarks>
public abstract class ImageClassifier(string name) : Module<Tensor, Tensor>(name)
{
    /// <param name="x_BCHW">Normalised images. Borrowed.</param>
    /// <returns>Logits [B, K] (spiking models: mean over time steps). Owned by the caller.</returns>
    public abstract override Tensor forward(Tensor x_BCHW);

    /// <summary>Logits of each time step, [T, B, K], for the TET loss. Only spiking models have them.</summary>
    public virtual Tensor ForwardPerTimeStep(Tensor x_BCHW) =>
        throw new NotSupportedException($"{GetName()} has no time steps; only spiking models do.");

    /// <summary>Set it while hooks are attached: forward then calls every submodule by itself instead of fusing neighbours. Slower, same spikes.</summary>
    /// <remarks>Neuron layers see and give [T, B, …]; what lies between them sees time and batch folded, [T·B, …]. Blocks see [T, B, …].</remarks>
    public virtual bool IsObserved { get; set; }

    /// <summary>T, or 1 where there is no time.</summary>
    public virtual int TimeSteps => 1;

    /// <summary>Neuron layers that forward calls, in order of first use, with their names in the model. Empty where there are none.</summary>
    public virtual IReadOnlyList<(string Name, SpikingNeuron Layer)> NeuronLayers => [];

    /// <summary>Names of submodules in the order of forward, one after the other: parameters registered after one are used after it, and nobody changes its output in place.</summary>
    public abstract IReadOnlyList<string> Blocks { get; }

    /// <summary>Names of parameters that take no part in forward: no gradient, no bucket, never touched by an optimizer.</summary>
    public virtual IReadOnlySet<string> UnusedParameters => new HashSet<string>();

    /// <summary>Names that get no weight decay beside biases and one-dimensional parameters (ViT: class token and positions).</summary>
    public virtual IReadOnlySet<string> NeverDecayed => new HashSet<string>();
}

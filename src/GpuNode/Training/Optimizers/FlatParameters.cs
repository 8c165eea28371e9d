using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>
/// A model's trainable parameters as one buffer and their gradients as another of the same layout: the model's tensors are views,
/// so backward accumulates straight into <see cref="Gradients"/> and one pass updates everything (DESIGN §12, "Flat buckets").
/// </summary>
/// <remarks>
/// Order: the reverse of registration, which is close to the order in which backward finishes; whole slots at the front can leave
/// while backward goes on. Parameters that take no part in forward are left where they are: no gradient, no state, no decay.
/// Never call <c>module.zero_grad()</c>: it drops the views. <see cref="ZeroGradients"/> keeps them.
/// </remarks>
public sealed class FlatParameters : IDisposable
{
    private readonly Parameter[] _parameters;
    private readonly FlatTensors _values;
    private readonly FlatTensors _gradients;

    private FlatParameters(Parameter[] parameters, FlatTensors values, FlatTensors gradients)
    {
        _parameters = parameters;
        _values = values;
        _gradients = gradients;
    }

    public FlatLayout Layout => _values.Layout;

    /// <summary>[Length]; borrowed.</summary>
    public Tensor Values => _values.Values;

    /// <summary>[Length]; borrowed.</summary>
    public Tensor Gradients => _gradients.Values;

    /// <param name="model">Already on its device and in its type.</param>
    /// <param name="unused">Names that take no part in forward.</param>
    public static FlatParameters Attach(nn.Module model, IReadOnlySet<string> unused)
    {
        var named = model.named_parameters().Where(p => p.parameter.requires_grad && !unused.Contains(p.name)).Reverse().ToArray();
        if (named.Length == 0) throw new ArgumentException($"{model.GetName()} has no trainable parameter.");
        var values = FlatTensors.Adopt([.. named.Select(p => (p.name, (Tensor)p.parameter))]);
        var gradients = FlatTensors.Zeros(values.Layout, values.Type, values.Device);
        var flat = new FlatParameters([.. named.Select(p => p.parameter)], values, gradients);
        flat.AttachGradients();
        return flat;
    }

    public void ZeroGradients() => Gradients.zero_().Dispose();

    /// <summary>A view of the gradient of slot <paramref name="slot"/>, in the parameter's shape; the caller's to dispose.</summary>
    public Tensor Gradient(int slot) => _gradients.View(slot);

    /// <summary>A view of the value of slot <paramref name="slot"/>; the caller's to dispose.</summary>
    public Tensor Value(int slot) => _values.View(slot);

    /// <summary>Throws where a parameter's gradient no longer is the view into the flat buffer: an update would miss it.</summary>
    public void VerifyViews()
    {
        using var scope = NewDisposeScope();
        for (var slot = 0; slot < _parameters.Length; slot++)
        {
            var name = Layout.Slots[slot].Name;
            var grad = _parameters[slot].grad ?? throw new InvalidOperationException($"The gradient of {name} was dropped: something called zero_grad on the module.");
            if (!SameMemory(grad, _gradients.View(slot))) throw new InvalidOperationException($"The gradient of {name} is no view into the flat buffer.");
            if (!SameMemory(_parameters[slot], _values.View(slot))) throw new InvalidOperationException($"{name} is no view into the flat buffer.");
        }
    }

    public void Dispose()
    {
        _values.Dispose();
        _gradients.Dispose();
    }

    private void AttachGradients()
    {
        for (var slot = 0; slot < _parameters.Length; slot++)
        {
            using var view = _gradients.View(slot);
            _parameters[slot].grad = view;
        }
    }

    private static bool SameMemory(Tensor a, Tensor b) => TensorMemory.Address(a) == TensorMemory.Address(b);
}

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
///
/// Where forward runs in bf16 the model's tensors are views into a second pair of buffers of that type (norm layers stay with the
/// first pair): <see cref="FoldGradients()"/> adds their gradients to the full-precision ones after each backward, <see cref="Publish"/>
/// rounds the full-precision values into them after each change. Nothing is ever summed over steps in bf16.
/// </remarks>
public sealed class FlatParameters : IDisposable
{
    private readonly Parameter[] _parameters;
    private readonly FlatTensors _values;
    private readonly GradientSet _own;

    private readonly FlatTensors? _lowValues;
    private GradientSet _current;

    private FlatParameters(Parameter[] parameters, FlatTensors values, FlatTensors? lowValues)
    {
        _parameters = parameters;
        _values = values;
        _lowValues = lowValues;
        _current = _own = NewGradients();
        WriteInto(_own);
    }

    public FlatLayout Layout => _values.Layout;

    /// <summary>[Length]; borrowed.</summary>
    public Tensor Values => _values.Values;

    /// <summary>[Length], where backward writes; borrowed.</summary>
    public Tensor Gradients => _current.Full.Values;

    private FlatTensors? LowGradients => _current.Low;

    /// <param name="model">Already on its device and in full precision.</param>
    /// <param name="unused">Names that take no part in forward.</param>
    /// <param name="computeType">null: the parameters' own. A narrower one converts the model, norm layers excepted.</param>
    public static FlatParameters Attach(nn.Module model, IReadOnlySet<string> unused, ScalarType? computeType = null)
    {
        var named = Trainable(model, unused);
        if (named.Length == 0) throw new ArgumentException($"{model.GetName()} has no trainable parameter.");
        var values = FlatTensors.Adopt([.. named.Select(p => (p.name, (Tensor)p.parameter))]);
        if (computeType is not { } low || low == values.Type) return new FlatParameters([.. named.Select(p => p.parameter)], values, lowValues: null);

        LowPrecision.Convert(model, low);
        var converted = Trainable(model, unused);
        var lowValues = FlatTensors.Zeros(values.Layout, low, values.Device);
        var flat = new FlatParameters([.. converted.Select(p => p.parameter)], values, lowValues);
        using var _ = no_grad();
        for (var slot = 0; slot < converted.Length; slot++)
        {
            using var view = flat.Source(slot, values, lowValues);
            converted[slot].parameter.set_(view);
        }
        flat.Publish();
        return flat;
    }

    public void ZeroGradients()
    {
        Gradients.fill_(0);
        LowGradients?.Values.fill_(0);
    }

    /// <summary>Another place for gradients, of the same layout; the caller's.</summary>
    public GradientSet NewGradients()
    {
        var full = FlatTensors.Zeros(Layout, _values.Type, _values.Device);
        var low = _lowValues is null ? null : FlatTensors.Zeros(Layout, _lowValues.Type, _values.Device);
        return new GradientSet(full, low, [.. Enumerable.Range(0, _parameters.Length).Select(slot => Source(slot, full, low).DetachFromDisposeScope())]);
    }

    /// <summary>From now on backward writes there, and <see cref="Gradients"/> is it; null: where it wrote at first. Borrowed.</summary>
    public void WriteInto(GradientSet? set)
    {
        _current = set ?? _own;
        for (var slot = 0; slot < _parameters.Length; slot++) _parameters[slot].grad = _current.Views[slot];
    }

    /// <summary>After each backward: adds what it left in bf16 to the full-precision gradients.</summary>
    public void FoldGradients()
    {
        if (LowGradients is null) return;
        using var _ = no_grad();
        Gradients.add_(LowGradients.Values);
        LowGradients.Values.fill_(0);
    }

    /// <summary>The same for a part that backward has finished; <paramref name="start"/> and <paramref name="length"/> in elements.</summary>
    public void FoldGradients(long start, long length)
    {
        if (LowGradients is null) return;
        using var off = no_grad();
        using var full = Gradients.narrow(0, start, length);
        using var low = LowGradients.Values.narrow(0, start, length);
        full.add_(low);
        low.fill_(0);
    }

    /// <summary>After each change of <see cref="Values"/>: lets the model see it.</summary>
    public void Publish()
    {
        if (_lowValues is null) return;
        using var _ = no_grad();
        _lowValues.Values.copy_(Values);
    }

    /// <summary>A view of the gradient of slot <paramref name="slot"/>, in the parameter's shape; the caller's to dispose.</summary>
    public Tensor Gradient(int slot) => _current.Full.View(slot);

    /// <summary>A view of the value of slot <paramref name="slot"/>, in full precision; the caller's to dispose.</summary>
    public Tensor Value(int slot) => _values.View(slot);

    /// <summary>Throws where a parameter or its gradient no longer is the view into the flat buffer: an update would miss it.</summary>
    public void VerifyViews()
    {
        using var scope = NewDisposeScope();
        for (var slot = 0; slot < _parameters.Length; slot++)
        {
            var name = Layout.Slots[slot].Name;
            var grad = _parameters[slot].grad ?? throw new InvalidOperationException($"The gradient of {name} was dropped: something called zero_grad on the module.");
            if (!SameMemory(grad, Source(slot, _current.Full, LowGradients))) throw new InvalidOperationException($"The gradient of {name} is no view into the flat buffer.");
            if (!SameMemory(_parameters[slot], Source(slot, _values, _lowValues))) throw new InvalidOperationException($"{name} is no view into the flat buffer.");
        }
    }

    public void Dispose()
    {
        _values.Dispose();
        _own.Dispose();
        _lowValues?.Dispose();
            }

    // Newest first: named_parameters gives them in order of registration.
    private static (string name, Parameter parameter)[] Trainable(nn.Module model, IReadOnlySet<string> unused) =>
        [.. model.named_parameters().Where(p => p.parameter.requires_grad && !unused.Contains(p.name)).Reverse()];

    /// <summary>The view that the model's own tensor is: of the narrow buffer exactly where the parameter was converted.</summary>
    private Tensor Source(int slot, FlatTensors full, FlatTensors? low) =>
        low is not null && _parameters[slot].dtype == low.Type ? low.View(slot) : full.View(slot);

    private static bool SameMemory(Tensor a, Tensor b) => TensorMemory.Address(a) == TensorMemory.Address(b);
}

/// <summary>One gradient for each parameter, in flat memory. Owns it.</summary>
public sealed class GradientSet : IDisposable
{
    internal GradientSet(FlatTensors full, FlatTensors? low, Tensor[] views) => (Full, Low, Views) = (full, low, views);

    internal FlatTensors Full { get; }

    internal FlatTensors? Low { get; }

    /// <summary>What the parameters' own gradients are.</summary>
    internal Tensor[] Views { get; }

    public void Dispose()
    {
        foreach (var view in Views) view.Dispose();
        Full.Dispose();
        Low?.Dispose();
    }
}

using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>One buffer that holds many named tensors, which are views into it. Owns the buffer.</summary>
public sealed class FlatTensors : IDisposable
{
    private FlatTensors(FlatLayout layout, Tensor values)
    {
        Layout = layout;
        Values = values;
    }

    public FlatLayout Layout { get; }

    /// <summary>[Length], contiguous; padding is zero.</summary>
    public Tensor Values { get; }

    public ScalarType Type => Values.dtype;

    public Device Device => Values.device;

    /// <summary>All zeros.</summary>
    public static FlatTensors Zeros(FlatLayout layout, ScalarType type, Device device) =>
        new(layout, zeros(layout.Length, dtype: type, device: device).DetachFromDisposeScope());

    /// <summary>Moves the tensors into one buffer and makes each of them a view of its slot, values unchanged.</summary>
    /// <param name="tensors">In the order in which they are to lie; all of one type and device.</param>
    public static FlatTensors Adopt(IReadOnlyList<(string Name, Tensor Tensor)> tensors, ScalarType typeIfEmpty = ScalarType.Float32)
    {
        var type = tensors.Count > 0 ? tensors[0].Tensor.dtype : typeIfEmpty;
        var device = tensors.Count > 0 ? tensors[0].Tensor.device : CPU;
        foreach (var (name, tensor) in tensors)
        {
            if (tensor.dtype != type || tensor.device.ToString() != device.ToString())
                throw new ArgumentException($"{name} is {tensor.dtype} on {tensor.device}, the others are {type} on {device}: one flat buffer needs one type and device.");
        }
        var flat = Zeros(FlatLayout.Of(tensors.Select(t => (t.Name, t.Tensor.shape)), ElementBytes(type)), type, device);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        for (var i = 0; i < tensors.Count; i++)
        {
            var view = flat.View(i);
            view.copy_(tensors[i].Tensor);
            tensors[i].Tensor.set_(view);
        }
        return flat;
    }

    /// <returns>A view of one slot in its shape; the caller's to dispose.</returns>
    public Tensor View(int slot)
    {
        var place = Layout.Slots[slot];
        using var narrow = Values.narrow(0, place.Offset, place.Count);
        return narrow.view([.. place.Shape]);
    }

    public void Dispose() => Values.Dispose();

    private static int ElementBytes(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 => 4,
        ScalarType.BFloat16 or ScalarType.Float16 => 2,
        _ => throw new ArgumentException($"no flat buffer for {type}"),
    };
}

using Volley.Shared;
using static TorchSharp.torch;

namespace Volley.Models.Safetensors;

/// <summary>Between safetensors and torch tensors.</summary>
public static class TensorConversion
{
    public static ScalarType ToScalarType(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 => ScalarType.Float64,
        SafetensorsType.F32 => ScalarType.Float32,
        SafetensorsType.F16 => ScalarType.Float16,
        SafetensorsType.BF16 => ScalarType.BFloat16,
        SafetensorsType.I64 => ScalarType.Int64,
        SafetensorsType.I32 => ScalarType.Int32,
        SafetensorsType.U8 => ScalarType.Byte,
        SafetensorsType.BOOL => ScalarType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not an element type"),
    };

    /// <exception cref="NotSupportedException">The format (or Volley's part of it) has no such type.</exception>
    public static SafetensorsType ToSafetensorsType(this ScalarType type) => type switch
    {
        ScalarType.Float64 => SafetensorsType.F64,
        ScalarType.Float32 => SafetensorsType.F32,
        ScalarType.Float16 => SafetensorsType.F16,
        ScalarType.BFloat16 => SafetensorsType.BF16,
        ScalarType.Int64 => SafetensorsType.I64,
        ScalarType.Int32 => SafetensorsType.I32,
        ScalarType.Byte => SafetensorsType.U8,
        ScalarType.Bool => SafetensorsType.BOOL,
        _ => throw new NotSupportedException($"Tensors of type {type} cannot be saved as safetensors."),
    };

    /// <returns>The tensor on the CPU, in the type it is stored in. Owned by the caller.</returns>
    public static Tensor ReadTensor(this SafetensorsFile file, string name)
    {
        var entry = file.Entry(name);
        if (entry.Bytes > Array.MaxLength)
            throw new UserErrorException($"{file.Path}: tensor '{name}' has {entry.Bytes} bytes, at most {Array.MaxLength} can be read at once.");
        var tensor = empty(entry.Shape.ToArray(), entry.Type.ToScalarType());
        if (entry.Bytes > 0) file.Read(entry, tensor.bytes);
        return tensor;
    }

    /// <returns>A copy in host memory: the tensor may change or end afterwards.</returns>
    /// <param name="name">Its name in the file.</param>
    /// <param name="tensor">On any device. Borrowed.</param>
    public static HostTensor ToHost(string name, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var onCpu = tensor.detach().cpu().contiguous();
        var data = onCpu.NumberOfElements == 0 ? [] : onCpu.bytes.ToArray();
        return new HostTensor(name, onCpu.dtype.ToSafetensorsType(), [.. onCpu.shape], data);
    }
}

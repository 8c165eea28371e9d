using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>The raw memory of contiguous CPU tensors, for kernels that run over flat buffers.</summary>
internal static partial class TensorMemory
{
    /// <returns>The tensor's elements. Valid while the caller keeps the tensor alive.</returns>
    public static Span<T> Of<T>(Tensor tensor) where T : unmanaged
    {
        var expected = typeof(T) == typeof(float) ? ScalarType.Float32 : typeof(T) == typeof(double) ? ScalarType.Float64
            : typeof(T) == typeof(long) ? ScalarType.Int64 : throw new NotSupportedException($"no tensor type for {typeof(T)}");
        if (tensor.device_type != TorchSharp.DeviceType.CPU || tensor.dtype != expected || !tensor.is_contiguous())
            throw new ArgumentException($"needs a contiguous CPU tensor of {expected}; this one is {tensor.dtype} on {tensor.device}, contiguous: {tensor.is_contiguous()}.");
        return MemoryMarshal.Cast<byte, T>(tensor.bytes);
    }

    /// <summary>Where the first element lies, on any device; <c>storage().data_ptr()</c> would be the base, without a view's offset.</summary>
    public static nint Address(Tensor tensor)
    {
        var address = DataPointer(tensor.Handle);
        GC.KeepAlive(tensor);
        return address;
    }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial nint DataPointer(nint tensor);
}

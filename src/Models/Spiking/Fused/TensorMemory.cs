using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Volley.Models.Spiking.Fused;

/// <summary>Raw memory of CPU tensors, for kernels.</summary>
internal static unsafe partial class TensorMemory
{
    /// <returns>The first element (<c>storage().data_ptr()</c> would be the base, without a view's offset). The caller keeps the tensor alive.</returns>
    public static T* Pointer<T>(Tensor tensor) where T : unmanaged => (T*)DataPointer(tensor.Handle);

    /// <summary>Elements lie without gaps or overlap, and the first dimension is the outermost: time step t is elements [t·n, (t+1)·n).</summary>
    public static bool IsDenseWithOuterTime(Tensor x_TX)
    {
        var (shape, stride) = (x_TX.shape, x_TX.stride());
        var perStep = 1L;
        foreach (var dim in Enumerable.Range(1, shape.Length - 1).Where(d => shape[d] > 1).OrderBy(d => stride[d]))
        {
            if (stride[dim] != perStep) return false;
            perStep *= shape[dim];
        }
        return shape[0] == 1 || stride[0] == perStep;
    }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial nint DataPointer(nint tensor);
}

using Volley.Shared;

namespace Volley.GpuNode.Collectives.Nccl;

/// <summary>The few functions of the CUDA driver's C API that tell whether a stream has done its work.</summary>
internal sealed unsafe class CudaDriver
{
    public const string Soname = "libcuda.so.1";

    private const string Required = "a CUDA driver";
    private const int NotReady = 600;   // CUDA_ERROR_NOT_READY

    private readonly string _name;
    private readonly delegate* unmanaged<nint*, int> _getContext;
    private readonly delegate* unmanaged<nint, int> _setContext;
    private readonly delegate* unmanaged<nint, int> _queryStream;

    private CudaDriver(SharedLibrary library)
    {
        _name = library.Name;
        _getContext = (delegate* unmanaged<nint*, int>)library.Function("cuCtxGetCurrent", Required);
        _setContext = (delegate* unmanaged<nint, int>)library.Function("cuCtxSetCurrent", Required);
        _queryStream = (delegate* unmanaged<nint, int>)library.Function("cuStreamQuery", Required);
    }

    /// <exception cref="UserErrorException">There is no driver.</exception>
    public static CudaDriver Load(string? path = null) =>
        new(SharedLibrary.TryLoad(path, Soname) ?? throw new UserErrorException($"NCCL needs a CUDA driver, and {Soname} cannot be loaded. Install the driver, or choose the transport tcp or shm."));

    /// <summary>The device context of this thread: a thread that is to use the same device takes it.</summary>
    public nint Context
    {
        get
        {
            nint context;
            Check("cuCtxGetCurrent", _getContext(&context));
            return context;
        }

        set => Check("cuCtxSetCurrent", _setContext(value));
    }

    /// <summary>Whether all that was put on a stream is done.</summary>
    public bool IsDone(nint stream)
    {
        var status = _queryStream(stream);
        if (status == NotReady) return false;
        Check("cuStreamQuery", status);
        return true;
    }

    private void Check(string function, int status)
    {
        if (status != 0) throw new NcclException($"{function} of {_name} failed with status {status}: the device has failed, or what ran on it.");
    }
}

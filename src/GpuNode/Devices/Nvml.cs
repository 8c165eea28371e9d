using System.Runtime.InteropServices;
using System.Text;

namespace Volley.GpuNode.Devices;

/// <summary>NVIDIA's management library through its C API. Loaded only where it is; a machine without it has no GPUs.</summary>
internal sealed unsafe class Nvml : IDisposable
{
    public const string LibraryName = "libnvidia-ml.so.1";

    // NVML_DEVICE_UUID_V2_BUFFER_SIZE and NVML_DEVICE_NAME_V2_BUFFER_SIZE of nvml.h.
    private const int TextBytes = 96;

    private readonly nint _library;

    private Nvml(nint library) => _library = library;

    /// <param name="library">Soname or path; tests name a stand-in.</param>
    /// <returns>Null where there is no driver or it does not work; <paramref name="log"/> learns why.</returns>
    public static Nvml? TryOpen(Action<string> log, string library = LibraryName)
    {
        if (!NativeLibrary.TryLoad(library, out var handle)) return null;
        var nvml = new Nvml(handle);
        try
        {
            if (((delegate* unmanaged<int>)nvml.Symbol("nvmlInit_v2"))() is var status && status == 0) return nvml;
            else log($"GPUs are not used: nvmlInit_v2 of {library} failed with status {status}");
        }
        catch (EntryPointNotFoundException error)
        {
            log($"GPUs are not used: {library} is too old: {error.Message}");
        }
        NativeLibrary.Free(handle);
        return null;
    }

    public IReadOnlyList<GpuDescription> Gpus()
    {
        uint count = 0;
        Check("nvmlDeviceGetCount_v2", ((delegate* unmanaged<uint*, int>)Symbol("nvmlDeviceGetCount_v2"))(&count));
        var gpus = new GpuDescription[count];
        for (uint i = 0; i < count; i++)
        {
            nint device = 0;
            Check("nvmlDeviceGetHandleByIndex_v2", ((delegate* unmanaged<uint, nint*, int>)Symbol("nvmlDeviceGetHandleByIndex_v2"))(i, &device));
            gpus[i] = new GpuDescription(Text("nvmlDeviceGetUUID", device), Text("nvmlDeviceGetName", device), (long)MemoryOf(device).Total);
        }
        return gpus;
    }

    public void Dispose()
    {
        _ = ((delegate* unmanaged<int>)Symbol("nvmlShutdown"))();
        NativeLibrary.Free(_library);
    }

    private Memory MemoryOf(nint device)
    {
        Memory memory = default;
        Check("nvmlDeviceGetMemoryInfo", ((delegate* unmanaged<nint, Memory*, int>)Symbol("nvmlDeviceGetMemoryInfo"))(device, &memory));
        return memory;
    }

    private string Text(string function, nint device)
    {
        var buffer = stackalloc byte[TextBytes];
        Check(function, ((delegate* unmanaged<nint, byte*, uint, int>)Symbol(function))(device, buffer, TextBytes));
        return Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer));
    }

    private nint Symbol(string name) => NativeLibrary.GetExport(_library, name);

    private static void Check(string function, int status)
    {
        if (status != 0) throw new InvalidOperationException($"NVML: {function} failed with status {status}.");
    }

    /// <summary>nvmlMemory_t, in bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }
}

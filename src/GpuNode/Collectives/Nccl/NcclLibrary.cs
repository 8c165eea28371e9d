using System.Runtime.InteropServices;
using Volley.Shared;

namespace Volley.GpuNode.Collectives.Nccl;

/// <summary>Status codes of nccl.h.</summary>
internal enum NcclResult { Success = 0, UnhandledCudaError = 1, SystemError = 2, InternalError = 3, InvalidArgument = 4, InvalidUsage = 5, RemoteError = 6, InProgress = 7 }

/// <summary>Element types of nccl.h that travel here.</summary>
internal enum NcclType { Uint8 = 1, Float32 = 7, Float64 = 8 }

/// <summary>NCCL through its C API, which is the same from release 2.14 on. Found by path, then by soname; a machine without it never loads it.</summary>
internal sealed unsafe class NcclLibrary
{
    public const string Soname = "libnccl.so.2";

    private const string Required = "NCCL 2.14 or newer";
    private const int Sum = 0;   // ncclSum

    private readonly SharedLibrary _library;
    private readonly delegate* unmanaged<int*, NcclResult> _getVersion;
    private readonly delegate* unmanaged<NcclId*, NcclResult> _getUniqueId;
    private readonly delegate* unmanaged<nint*, int, NcclId, int, NcclConfig*, NcclResult> _commInitRankConfig;
    private readonly delegate* unmanaged<nint, NcclResult*, NcclResult> _commGetAsyncError;
    private readonly delegate* unmanaged<nint, NcclResult> _commFinalize;
    private readonly delegate* unmanaged<nint, NcclResult> _commDestroy;
    private readonly delegate* unmanaged<nint, NcclResult> _commAbort;
    private readonly delegate* unmanaged<NcclResult, nint> _getErrorString;
    private readonly delegate* unmanaged<NcclResult> _groupStart;
    private readonly delegate* unmanaged<NcclResult> _groupEnd;
    private readonly delegate* unmanaged<nint, nint, nuint, NcclType, int, nint, nint, NcclResult> _allReduce;
    private readonly delegate* unmanaged<nint, nint, nuint, NcclType, int, nint, nint, NcclResult> _reduceScatter;
    private readonly delegate* unmanaged<nint, nint, nuint, NcclType, nint, nint, NcclResult> _allGather;
    private readonly delegate* unmanaged<nint, nint, nuint, NcclType, int, nint, nint, NcclResult> _broadcast;

    private NcclLibrary(SharedLibrary library)
    {
        _library = library;
        _getVersion = (delegate* unmanaged<int*, NcclResult>)Function("ncclGetVersion");
        _getUniqueId = (delegate* unmanaged<NcclId*, NcclResult>)Function("ncclGetUniqueId");
        _commInitRankConfig = (delegate* unmanaged<nint*, int, NcclId, int, NcclConfig*, NcclResult>)Function("ncclCommInitRankConfig");
        _commGetAsyncError = (delegate* unmanaged<nint, NcclResult*, NcclResult>)Function("ncclCommGetAsyncError");
        _commFinalize = (delegate* unmanaged<nint, NcclResult>)Function("ncclCommFinalize");
        _commDestroy = (delegate* unmanaged<nint, NcclResult>)Function("ncclCommDestroy");
        _commAbort = (delegate* unmanaged<nint, NcclResult>)Function("ncclCommAbort");
        _getErrorString = (delegate* unmanaged<NcclResult, nint>)Function("ncclGetErrorString");
        _groupStart = (delegate* unmanaged<NcclResult>)Function("ncclGroupStart");
        _groupEnd = (delegate* unmanaged<NcclResult>)Function("ncclGroupEnd");
        _allReduce = (delegate* unmanaged<nint, nint, nuint, NcclType, int, nint, nint, NcclResult>)Function("ncclAllReduce");
        _reduceScatter = (delegate* unmanaged<nint, nint, nuint, NcclType, int, nint, nint, NcclResult>)Function("ncclReduceScatter");
        _allGather = (delegate* unmanaged<nint, nint, nuint, NcclType, nint, nint, NcclResult>)Function("ncclAllGather");
        _broadcast = (delegate* unmanaged<nint, nint, nuint, NcclType, int, nint, nint, NcclResult>)Function("ncclBroadcast");
    }

    /// <summary>As nccl.h codes it: 22703 is 2.27.3.</summary>
    public int Version
    {
        get
        {
            int version;
            Check("ncclGetVersion", _getVersion(&version));
            return version;
        }
    }

    /// <param name="path">Of the library; null: by soname.</param>
    /// <exception cref="UserErrorException">There is none, or it is too old.</exception>
    public static NcclLibrary Load(string? path = null) => new(SharedLibrary.TryLoad(path, Soname)
        ?? throw new UserErrorException($"NCCL was asked for, but {(path is null ? "" : $"neither {path} nor ")}{Soname} can {(path is null ? "not " : "")}be loaded. Install {Required}, give its path, or choose the transport tcp or shm."));

    public NcclId NewId()
    {
        NcclId id;
        Check("ncclGetUniqueId", _getUniqueId(&id));
        return id;
    }

    /// <summary>Begins a communicator without waiting for the peers: <see cref="AsyncError"/> says how it goes.</summary>
    public nint BeginCommunicator(NcclId id, int worldSize, int position)
    {
        nint communicator;
        var config = NcclConfig.NonBlocking;
        Check("ncclCommInitRankConfig", _commInitRankConfig(&communicator, worldSize, id, position, &config));
        return communicator;
    }

    public NcclResult AsyncError(nint communicator)
    {
        NcclResult state;
        Check("ncclCommGetAsyncError", _commGetAsyncError(communicator, &state));
        return state;
    }

    /// <summary>In place.</summary>
    public void AllReduce(nint buffer, long count, NcclType type, nint communicator, nint stream) =>
        Check("ncclAllReduce", _allReduce(buffer, buffer, (nuint)count, type, Sum, communicator, stream));

    /// <param name="buffer">All of it.</param>
    /// <param name="own">Where in it this rank's chunk begins.</param>
    public void ReduceScatter(nint buffer, nint own, long chunk, NcclType type, nint communicator, nint stream) =>
        Check("ncclReduceScatter", _reduceScatter(buffer, own, (nuint)chunk, type, Sum, communicator, stream));

    /// <inheritdoc cref="ReduceScatter"/>
    public void AllGather(nint own, nint buffer, long chunk, NcclType type, nint communicator, nint stream) =>
        Check("ncclAllGather", _allGather(own, buffer, (nuint)chunk, type, communicator, stream));

    public void Broadcast(nint buffer, long count, NcclType type, int root, nint communicator, nint stream) =>
        Check("ncclBroadcast", _broadcast(buffer, buffer, (nuint)count, type, root, communicator, stream));

    public void StartGroup() => Check("ncclGroupStart", _groupStart());

    public void EndGroup() => Check("ncclGroupEnd", _groupEnd());

    public void BeginFinalize(nint communicator) => Check("ncclCommFinalize", _commFinalize(communicator));

    public void Destroy(nint communicator) => Check("ncclCommDestroy", _commDestroy(communicator));

    /// <summary>Ends whatever is under way, and the communicator. What it says no longer matters.</summary>
    public void Abort(nint communicator) => _ = _commAbort(communicator);

    public string Say(NcclResult result) => Marshal.PtrToStringUTF8(_getErrorString(result)) ?? $"{result}";

    private nint Function(string name) => _library.Function(name, Required);

    private void Check(string function, NcclResult result)
    {
        if (result is NcclResult.Success or NcclResult.InProgress) return;
        throw new NcclException($"{function} of {_library.Name} failed with status {(int)result}: {Say(result)}");
    }
}

/// <summary>Names a communicator; one rank makes it, all need it.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct NcclId
{
    public const int Bytes = 128;   // NCCL_UNIQUE_ID_BYTES
}

/// <summary>ncclConfig_t as it was in 2.14: later releases take shorter ones and fill in the rest.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NcclConfig
{
    private const uint ApiMagic = 0xcafebeef;   // NCCL_API_MAGIC

    public nuint Size;
    public uint Magic;
    public uint Version;
    public int Blocking;
    private int _padding;

    public static unsafe NcclConfig NonBlocking => new() { Size = (nuint)sizeof(NcclConfig), Magic = ApiMagic, Version = 21400, Blocking = 0, _padding = int.MinValue };
}

internal sealed class NcclException(string message) : Exception(message);

using System.Diagnostics;
using System.Runtime.InteropServices;
using Volley.GpuNode.Collectives.Nccl;
using Volley.GpuNode.Tests.Link;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>A library built here with NCCL's and the driver's symbols: writes down every call, and fails or dawdles where a test says so. No GPU takes part.</summary>
internal sealed unsafe class NcclStandIn : IDisposable
{
    private const string Source = """
        #include <limits.h>
        #include <pthread.h>
        #include <stdarg.h>
        #include <stdio.h>
        #include <string.h>
        typedef struct { char bytes[128]; } id;
        typedef struct { size_t size; unsigned magic, version; int blocking; } config;
        typedef struct { int rank, world, polls; } comm;
        static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
        static char calls[65536];
        static comm comms[16];
        static int made;
        int fail_init, polls_in_progress, async_error, stream_busy, version = 22703;
        static int note(int result, const char* format, ...) {
            va_list arguments; va_start(arguments, format);
            pthread_mutex_lock(&gate);
            size_t at = strlen(calls);
            vsnprintf(calls + at, sizeof calls - at, format, arguments);
            strncat(calls, "\n", sizeof calls - strlen(calls) - 1);
            pthread_mutex_unlock(&gate);
            va_end(arguments);
            return result;
        }
        const char* stand_in_calls(void) { return calls; }
        const char* ncclGetErrorString(int result) { return result == 6 ? "remote process exited" : "stand-in trouble"; }
        int ncclGetVersion(int* v) { *v = version; return 0; }
        int ncclGetUniqueId(id* out) { memset(out, 42, sizeof *out); return note(0, "id"); }
        int ncclCommInitRankConfig(comm** out, int world, id given, int rank, config* c) {
            for (int i = 0; i < 128; i++) if (given.bytes[i] != 42) return note(4, "init with a wrong id");
            if (c->size != 24 || c->magic != 0xcafebeef || c->version != 21400 || c->blocking != 0) return note(4, "init with a wrong config");
            if (fail_init) return note(3, "init fails");
            pthread_mutex_lock(&gate);
            comm* made_now = &comms[made++];
            pthread_mutex_unlock(&gate);
            made_now->rank = rank; made_now->world = world; made_now->polls = polls_in_progress;
            *out = made_now;
            return note(7, "init rank=%d world=%d", rank, world);
        }
        int ncclCommGetAsyncError(comm* c, int* state) {
            if (c->polls > 0) { c->polls--; *state = 7; } else *state = async_error;
            return 0;
        }
        int ncclCommFinalize(comm* c) { return note(7, "finalize rank=%d", c->rank); }
        int ncclCommDestroy(comm* c) { return note(0, "destroy rank=%d", c->rank); }
        int ncclCommAbort(comm* c) { return note(0, "abort rank=%d", c->rank); }
        int ncclGroupStart(void) { return note(0, "group"); }
        int ncclGroupEnd(void) { return note(0, "end"); }
        static int early(comm* c) { return c->polls > 0; }
        int ncclAllReduce(void* from, void* to, size_t n, int type, int op, comm* c, void* stream) {
            return note(early(c) ? 5 : 0, "all-reduce rank=%d from=%p to=%p n=%zu type=%d op=%d stream=%p", c->rank, from, to, n, type, op, stream); }
        int ncclReduceScatter(void* from, void* to, size_t n, int type, int op, comm* c, void* stream) {
            return note(0, "reduce-scatter rank=%d from=%p to=%p n=%zu type=%d op=%d stream=%p", c->rank, from, to, n, type, op, stream); }
        int ncclAllGather(void* from, void* to, size_t n, int type, comm* c, void* stream) {
            return note(0, "all-gather rank=%d from=%p to=%p n=%zu type=%d stream=%p", c->rank, from, to, n, type, stream); }
        int ncclBroadcast(void* from, void* to, size_t n, int type, int root, comm* c, void* stream) {
            return note(0, "broadcast rank=%d from=%p to=%p n=%zu type=%d root=%d stream=%p", c->rank, from, to, n, type, root, stream); }
        static __thread void* context = (void*)0x77;
        int cuCtxGetCurrent(void** out) { *out = context; return 0; }
        int cuCtxSetCurrent(void* c) { context = c; return c == (void*)0x77 ? 0 : 201; }
        int cuStreamQuery(void* stream) { return context != (void*)0x77 ? 201 : stream_busy > 0 ? (stream_busy--, 600) : stream_busy < 0 ? 600 : 0; }
        """;

    private readonly ShortDirectory _directory = new();
    private readonly nint _library;

    /// <param name="without">Symbols to leave out, by another name for them.</param>
    public NcclStandIn(string? without = null)
    {
        var source = System.IO.Path.Combine(_directory.Path, "nccl.c");
        Path = System.IO.Path.Combine(_directory.Path, "libnccl-stand-in.so");
        File.WriteAllText(source, without is null ? Source : Source.Replace(without, $"old_{without}", StringComparison.Ordinal));
        try
        {
            using var compiler = Process.Start("cc", ["-shared", "-fPIC", "-pthread", "-o", Path, source]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            SharedFiles.SkipOrFail("No C compiler (cc) for the stand-in library.");
        }
        _library = NativeLibrary.Load(Path);
    }

    public string Path { get; }

    public string[] Calls => Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(_library, "stand_in_calls"))())!.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Set(string variable, int value) => Volatile.Write(ref *(int*)NativeLibrary.GetExport(_library, variable), value);

    public NcclLibrary LoadNccl() => NcclLibrary.Load(Path);

    public CudaDriver LoadCuda() => CudaDriver.Load(Path);

    public void Dispose() => _directory.Dispose();
}

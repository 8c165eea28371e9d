using System.Diagnostics;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Tests.Link;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Devices;

/// <summary>Against a stand-in library built here: same symbols, known answers. No GPU takes part.</summary>
public sealed class NvmlTests : IDisposable
{
    private const string Functions = """
        #include <string.h>
        typedef struct { unsigned long long total, free, used; } memory;
        int nvmlShutdown(void) { return 0; }
        int nvmlDeviceGetCount_v2(unsigned* n) { *n = 2; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void** d) { *d = (void*)(long)(i + 1); return 0; }
        int nvmlDeviceGetUUID(void* d, char* out, unsigned length) { strcpy(out, (long)d == 1 ? "GPU-one" : "GPU-two"); return length == 96 ? 0 : 7; }
        int nvmlDeviceGetName(void* d, char* out, unsigned length) { strcpy(out, "NVIDIA Stand-in"); return 0; }
        int nvmlDeviceGetMemoryInfo(void* d, memory* m) { m->total = 8ull << 30; m->free = 1; m->used = 2; return (long)d == BAD ? 15 : 0; }
        """;

    private readonly ShortDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void TheDriversAnswers_BecomeGpus()
    {
        using var nvml = Nvml.TryOpen(_ => { }, Build("int nvmlInit_v2(void) { return 0; }\n#define BAD 9\n"));
        Assert.Equal([new("GPU-one", "NVIDIA Stand-in", 8L << 30), new("GPU-two", "NVIDIA Stand-in", 8L << 30)], nvml!.Gpus());
    }

    [Fact]
    public void AFailure_NamesTheCallAndItsStatus()
    {
        using var nvml = Nvml.TryOpen(_ => { }, Build("int nvmlInit_v2(void) { return 0; }\n#define BAD 2\n"));
        var error = Assert.Throws<InvalidOperationException>(() => nvml!.Gpus());
        Assert.Contains("nvmlDeviceGetMemoryInfo failed with status 15", error.Message);
    }

    [Theory]
    [InlineData("int nvmlInit_v2(void) { return 9; }\n#define BAD 9\n", "status 9")]
    [InlineData("#define BAD 9\n", "too old")]
    public void ADriverThatDoesNotWork_MeansNoGpus_AndALine(string prelude, string expected)
    {
        var lines = new List<string>();
        Assert.Null(Nvml.TryOpen(lines.Add, Build(prelude)));
        Assert.Contains(expected, Assert.Single(lines));
    }

    [Fact]
    public void WithoutADriver_ThereAreNoGpus_AndNothingToSay() =>
        Assert.Null(Nvml.TryOpen(line => Assert.Fail(line), "libvolley-has-no-such-library.so"));

    private string Build(string prelude)
    {
        var source = Path.Combine(_directory.Path, "nvml.c");
        var library = Path.Combine(_directory.Path, "libnvml-stand-in.so");
        File.WriteAllText(source, prelude + Functions);
        try
        {
            using var compiler = Process.Start("cc", ["-shared", "-fPIC", "-o", library, source]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            SharedFiles.SkipOrFail("No C compiler (cc) for the stand-in library.");
        }
        return library;
    }
}

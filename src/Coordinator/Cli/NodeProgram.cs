using System.Runtime.InteropServices;
using Volley.Shared;

namespace Volley.Coordinator.Cli;

/// <summary>Finds <c>volley-node</c>, the program of the verbs that need tensors, and hands this process over to it.</summary>
internal static partial class NodeProgram
{
    private const string Name = "volley-node";

    /// <summary>Names another location of the program; for packages that put it elsewhere.</summary>
    private const string PathVariable = "VOLLEY_NODE_PROGRAM";

    /// <returns>Absolute path of the program: the named one, the one beside this program, or the one of the same build.</returns>
    /// <exception cref="UserErrorException">It is nowhere.</exception>
    public static string Locate()
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var named = Environment.GetEnvironmentVariable(PathVariable);
        string[] places = named is { Length: > 0 }
            ? [Path.GetFullPath(named)]
            : [Path.Combine(here, Name), Path.Combine(here, "..", "..", "GpuNode", Path.GetFileName(here), Name)];
        return places.Select(Path.GetFullPath).FirstOrDefault(File.Exists)
            ?? throw new UserErrorException(
                $"{Name} was not found (looked at {string.Join(" and ", places)}). Start Volley through ./volley, which builds it, or set {PathVariable}.");
    }

    /// <summary>Replaces this process: same process id, terminal and signals. Returns only by throwing.</summary>
    public static int HandOver(IReadOnlyList<string> arguments)
    {
        var program = Locate();
        string?[] argv = [program, .. arguments, null];
        _ = Execute(program, argv);
        throw new UserErrorException($"{program} could not be started: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, string?[] argv);
}

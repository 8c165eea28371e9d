using System.Runtime.InteropServices;
using Volley.Shared;

namespace Volley.GpuNode.Collectives.Nccl;

/// <summary>A C library that is there or not: loaded when asked for, never unloaded (its threads may still run).</summary>
internal sealed class SharedLibrary
{
    private readonly nint _handle;

    private SharedLibrary(nint handle, string name) => (_handle, Name) = (handle, name);

    public string Name { get; }

    /// <param name="path">Tried first; null: only the soname.</param>
    /// <returns>Null where neither can be loaded.</returns>
    public static SharedLibrary? TryLoad(string? path, string soname)
    {
        foreach (var name in (string?[])[path, soname])
            if (name is not null && NativeLibrary.TryLoad(name, out var handle)) return new SharedLibrary(handle, name);
        return null;
    }

    /// <exception cref="UserErrorException">It is an older release without this function.</exception>
    public nint Function(string name, string required) => NativeLibrary.TryGetExport(_handle, name, out var address)
        ? address
        : throw new UserErrorException($"{Name} has no function {name}: {required} is required. Install a newer one, or choose another transport.");
}

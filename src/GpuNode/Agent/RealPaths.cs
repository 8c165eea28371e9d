namespace Volley.GpuNode.Agent;

/// <summary>Where a path really leads, with every link on its way followed; what does not exist yet is taken as it is written.</summary>
internal static class RealPaths
{
    // As many as the kernel follows (ELOOP).
    private const int MaxLinks = 40;

    public static string Of(string path)
    {
        var real = "/";
        var rest = new Stack<string>(Enumerable.Reverse(Parts(Path.GetFullPath(path))));
        for (var links = 0; rest.TryPop(out var part);)
        {
            var next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target || ++links > MaxLinks)
            {
                real = next;
                continue;
            }
            // The target's own parts may be links again.
            foreach (var step in Enumerable.Reverse(Parts(Path.GetFullPath(target, real)))) rest.Push(step);
            real = "/";
        }
        return real;
    }

    private static string[] Parts(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);
}

using Xunit;

namespace Volley.TestKit;

/// <summary>Files that tests read and the product does not ship: the repository's own, and <c>../shared</c> beside it.</summary>
public static class SharedFiles
{
    /// <summary>Set by <c>./test.sh --all</c>: a missing file or server is a failure there, not a skip.</summary>
    public static bool IsEverythingRequired => Environment.GetEnvironmentVariable("VOLLEY_REQUIRE_ALL") == "1";

    /// <summary>The folder that holds <c>Distributed.sln</c>.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <param name="relativePath">For example <c>golden/vit.safetensors</c>.</param>
    /// <returns>Its absolute path; where it is absent, the calling test is skipped, or fails under <see cref="IsEverythingRequired"/>.</returns>
    public static string Require(string relativePath)
    {
        var path = Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared", relativePath));
        if (!File.Exists(path) && !Directory.Exists(path))
            SkipOrFail($"../shared/{relativePath} is not beside the repository.");
        return path;
    }

    /// <summary>For anything else a test needs and a machine may lack (a server, root).</summary>
    public static void SkipOrFail(string reason)
    {
        if (IsEverythingRequired) Assert.Fail($"{reason} Under --all that is a failure.");
        Assert.Skip(reason);
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Distributed.sln"))) return folder.FullName;
        throw new InvalidOperationException($"No Distributed.sln above {AppContext.BaseDirectory}: tests run from the repository's artifacts folder.");
    }
}

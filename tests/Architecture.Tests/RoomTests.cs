using System.Text.RegularExpressions;
using Volley.TestKit;

namespace Volley.Architecture.Tests;

/// <summary>Rules about rooms that the compiler does not check: read from the source text.</summary>
public sealed partial class RoomTests
{
    private static readonly string Source = Path.Combine(SharedFiles.RepositoryRoot, "src");

    public static TheoryData<string, string> ForbiddenInRooms => new()
    {
        // Pure rooms know no actor, clock, file or socket. (System.IO.Compression turns bytes into bytes.)
        { "Coordinator/Search", @"\bAkka\b|\bSystem\.IO\b|\bFile\.|\bDirectory\.|\bSystem\.Net\b|\bTimeProvider\b|\bStopwatch\b" },
        { "Coordinator/TrialScheduling", @"\bAkka\b|\bSystem\.IO\b|\bFile\.|\bDirectory\.|\bSystem\.Net\b|\bTimeProvider\b|\bStopwatch\b" },
        { "Coordinator/Placement", @"\bAkka\b|\bSystem\.IO\b|\bFile\.|\bDirectory\.|\bSystem\.Net\b|\bTimeProvider\b|\bStopwatch\b" },
        { "Coordinator/Sweeps", @"\bAkka\b|\bSystem\.IO\b(?!\.Compression)|\bFile\.|\bDirectory\.|\bSystem\.Net\b|\bTimeProvider\b|\bStopwatch\b" },
        { "Coordinator/Chaos/Faults", @"\bAkka\b|\bSystem\.IO\b|\bFile\.|\bDirectory\.|\bSystem\.Net\b|\bTimeProvider\b|\bStopwatch\b|\bProcess\b" },
        { "Coordinator/Chaos/Recovery", @"\bAkka\b|\bSystem\.IO\b|\bFile\.|\bDirectory\.|\bSystem\.Net\b|\bTimeProvider\b|\bStopwatch\b|\bProcess\b" },
        { "Shared/ModelCosts", @"\bAkka\b|\bSystem\.IO\b|\bFile\.|\bTorchSharp\b" },
        { "Shared/Messages", @"\bTorchSharp\b|\bFile\.|\bSystem\.Net\.Sockets\b" },
        // Data prepares arrays: no tensor, no optimizer.
        { "GpuNode/Data", @"\bTorchSharp\b|\bOptimizer\b" },
        // A model never learns that ranks exist.
        { "Models", @"\bAkka\b|\bGrpc\b|\bworldSize\b|\bWorldSize\b" },
    };

    [Theory]
    [MemberData(nameof(ForbiddenInRooms))]
    public void ARoom_KnowsNothingOfWhatIsForbiddenInIt(string room, string forbidden)
    {
        var offenders =
            from file in Files(room)
            from line in File.ReadLines(file).Select((text, index) => (Text: text, Number: index + 1))
            let code = line.Text.TrimStart()
            where !code.StartsWith("//", StringComparison.Ordinal) && Regex.IsMatch(code, forbidden)
            select $"{Path.GetRelativePath(Source, file)}:{line.Number}: {code}";

        Assert.Empty(offenders);
    }

    [Fact]
    public void Namespaces_FollowFolders()
    {
        var offenders =
            from file in Files("")
            let declared = File.ReadLines(file).Select(line => Namespace().Match(line)).FirstOrDefault(match => match.Success)?.Groups[1].Value
            where declared is not null
            let expected = "Volley." + string.Join('.', Path.GetRelativePath(Source, Path.GetDirectoryName(file)!).Split(Path.DirectorySeparatorChar))
            where declared != expected
            select $"{Path.GetRelativePath(Source, file)}: {declared}, expected {expected}";

        Assert.Empty(offenders);
    }

    /// <summary>A room that vanished would make its rule pass for ever.</summary>
    private static IEnumerable<string> Files(string room)
    {
        var folder = Path.Combine(Source, room);
        Assert.True(Directory.Exists(folder), $"src/{room} is named by a rule and does not exist.");
        return Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories);
    }

    [GeneratedRegex(@"^namespace ([\w.]+)")]
    private static partial Regex Namespace();
}

using System.Text.RegularExpressions;
using Volley.Shared.Failpoints;
using Volley.TestKit;

namespace Volley.Architecture.Tests;

public sealed partial class FailpointTests
{
    private static readonly string Root = SharedFiles.RepositoryRoot;

    [Fact]
    public void EveryName_IsInTheTable_AndTheTableHasNoOther() =>
        Assert.Equal(
            FailpointNames.All,
            File.ReadLines(Path.Combine(Root, "docs", "failpoints.md")).Select(line => Row().Match(line)).Where(row => row.Success).Select(row => row.Groups[1].Value));

    [Fact]
    public void EveryName_IsHitSomewhere()
    {
        var source = string.Concat(
            Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
                .Where(file => Path.GetFileName(file) != $"{nameof(FailpointNames)}.cs").Select(File.ReadAllText));
        var constants = typeof(FailpointNames).GetFields().Where(field => field.IsLiteral).ToDictionary(field => (string)field.GetRawConstantValue()!, field => field.Name);
        Assert.Equal(constants.Keys.Order(), FailpointNames.All.Order());
        Assert.All(constants.Values, constant => Assert.Matches($@"(Hit|Pass)\({nameof(FailpointNames)}\.{constant}\b", source));
    }

    [GeneratedRegex(@"^\| `([a-z.-]+)` \|")]
    private static partial Regex Row();
}

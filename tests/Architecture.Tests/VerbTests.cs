using System.Diagnostics;
using System.Text.RegularExpressions;
using Volley.Shared.Cli;
using Volley.TestKit;

namespace Volley.Architecture.Tests;

/// <summary>One verb table, two programs: what the table says is what the programs have.</summary>
public sealed class VerbTests
{
    public static TheoryData<string> Verbs => new(VerbTable.All.Where(verb => !verb.IsHidden).Select(verb => verb.Name));

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task AVerb_ExplainsItselfWithAnExample(string verb)
    {
        var (exitCode, output) = await RunAsync(verb, "--help");

        Assert.Equal(0, exitCode);
        Assert.Contains("volley", output, StringComparison.Ordinal);
        Assert.Matches(new Regex($@"volley {verb}\b.+", RegexOptions.CultureInvariant), output);
        Assert.Contains("xample", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheFirstHelp_ListsEveryVerbThatPeopleType()
    {
        var (exitCode, output) = await RunAsync("--help");

        Assert.Equal(0, exitCode);
        Assert.All(VerbTable.All.Where(verb => !verb.IsHidden), verb => Assert.Contains($"  {verb.Name} ", output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnUnknownVerb_IsBadInput()
    {
        var (exitCode, output) = await RunAsync("tarin");

        Assert.Equal(2, exitCode);
        Assert.Contains("tarin", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(SharedFiles.RepositoryRoot, "volley"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }
}

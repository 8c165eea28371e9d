using System.Text.Json.Nodes;

namespace Volley.Cluster.Tests;

/// <summary><c>volley run</c> as a person meets it: what it writes, what it refuses, and the same results however often it is interrupted.</summary>
public sealed class RunCommandTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    public async ValueTask DisposeAsync()
    {
        foreach (var pid in ProcessTable.Of(_folder)) ProcessTable.Send(pid, ProcessTable.SigKill);
        await ProcessTable.UntilAsync(() => ProcessTable.Of(_folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task ASweep_EndsWithALeaderboardAndItsFiles()
    {
        await using var run = Run("out");
        Assert.True(await run.ExitCodeAsync(Patience) == 0, run.Output);
        Assert.Contains("results_digest", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("[INFO]", run.Output, StringComparison.Ordinal);
        var results = Results("out");
        Assert.Equal(["finished", "finished"], results["trials"]!.AsArray().Select(trial => (string)trial!["state"]!));
        Assert.Contains("<html", await File.ReadAllTextAsync(Path.Combine(_folder, "out", "report.html"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(3, File.ReadLines(Path.Combine(_folder, "out", "results.csv")).Count());
        Assert.Empty(ProcessTable.Of(_folder));

        // The same command again: everything is done already.
        await using var again = Run("out");
        Assert.True(await again.ExitCodeAsync(Patience) == 0, again.Output);
        Assert.DoesNotContain("attempt", again.Output, StringComparison.Ordinal);
        Assert.Equal((string)results["results_digest"]!, (string)Results("out")["results_digest"]!);

        // Another sweep in that folder would mix results.
        await using var other = Run("out", "--set", "train.epochs=3");
        Assert.Equal(2, await other.ExitCodeAsync(Patience));
        Assert.Contains("another --out", other.Output, StringComparison.Ordinal);
        await using var renamed = Run("out", "--set", "name=other");
        Assert.Equal(2, await renamed.ExitCodeAsync(Patience));
        Assert.Contains("\"tiny\"", renamed.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", other.Output + renamed.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task OneByOneSideBySideAndInterrupted_GiveTheSameDigest()
    {
        await using (var sideBySide = Run("side-by-side", "--slots", "2"))
            Assert.True(await sideBySide.ExitCodeAsync(Patience) == 0, sideBySide.Output);
        await using (var oneByOne = Run("one-by-one", "--slots", "1"))
            Assert.True(await oneByOne.ExitCodeAsync(Patience) == 0, oneByOne.Output);
        await using (var interrupted = Run("interrupted", "--slots", "2"))
        {
            await interrupted.LineAsync(line => line.Contains("epoch 1/2", StringComparison.Ordinal), Patience);
            ProcessTable.Send(interrupted.Pid, ProcessTable.SigTerm);
            Assert.Equal(130, await interrupted.ExitCodeAsync(Patience));
            Assert.Contains($"--out {Path.Combine(_folder, "interrupted")}", interrupted.Output, StringComparison.Ordinal);
            Assert.Empty(ProcessTable.Of(_folder));
        }
        await using (var resumed = Run("interrupted", "--slots", "2"))
            Assert.True(await resumed.ExitCodeAsync(Patience) == 0, resumed.Output);

        await using var diff = ChildProgram.Start(ChildProgram.Volley, "results", "diff", Path.Combine(_folder, "side-by-side"), Path.Combine(_folder, "interrupted"));
        Assert.True(await diff.ExitCodeAsync(Patience) == 0, diff.Output);
        Assert.Single(new[] { "side-by-side", "one-by-one", "interrupted" }.Select(name => (string)Results(name)["results_digest"]!).Distinct());
    }

    [Fact]
    public async Task ASecondRunInTheSameFolder_IsRefused_WhileTheFirstGoesOn()
    {
        // Long enough that it is still at work when the second has started.
        string[] isLong = ["--set", "train.epochs=100"];
        await using var first = Run("out", isLong);
        await first.LineAsync(line => line.Contains("attempt 1 ", StringComparison.Ordinal), Patience);
        await using var second = Run("out", isLong);
        Assert.Equal(2, await second.ExitCodeAsync(Patience));
        Assert.Contains("another `volley run` works on it", second.Output, StringComparison.Ordinal);
        ProcessTable.Send(first.Pid, ProcessTable.SigTerm);
        Assert.Equal(130, await first.ExitCodeAsync(Patience));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task MissingData_IsOneClearError_AndTheSameCommandWorksOnceItIsThere()
    {
        await using (var run = Run("out", "--set", $"train.dataset.path={_folder}/nowhere"))
        {
            Assert.True(await run.ExitCodeAsync(Patience) == 2, run.Output);
            Assert.Contains("nowhere", run.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", run.Output, StringComparison.Ordinal);
        }
        var subset = Path.Combine(Volley.TestKit.SharedFiles.RepositoryRoot, "examples", "data", "fashion-mnist");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "nowhere"), subset);
        await using var again = Run("out", "--set", $"train.dataset.path={_folder}/nowhere");
        Assert.True(await again.ExitCodeAsync(Patience) == 0, again.Output);
    }

    public static TheoryData<string[], string> BadInput => new()
    {
        { ["--set", "train.epochz=3"], "epochs" },
        { ["--set", "train.epochs=many"], "train.epochs" },
        { ["--slots", "0"], "--slots" },
        { ["--set", "nonsense"], "nonsense" },
    };

    [Theory, MemberData(nameof(BadInput))]
    public async Task BadInput_IsCode2_AndMakesNothing(string[] arguments, string expected)
    {
        await using var run = Run("out", arguments);
        Assert.Equal(2, await run.ExitCodeAsync(Patience));
        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "out")));
    }

    [Fact]
    public async Task AMissingFile_IsCode2()
    {
        await using var run = ChildProgram.Start(ChildProgram.Volley, "run", Path.Combine(_folder, "nowhere.yaml"));
        Assert.Equal(2, await run.ExitCodeAsync(Patience));
        Assert.Contains("nowhere.yaml", run.Output, StringComparison.Ordinal);
    }

    private JsonNode Results(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, name, "results.json")))!;

    private ChildProgram Run(string name, params string[] more)
    {
        var file = Path.Combine(_folder, "tiny.yaml");
        File.WriteAllText(file, """
            name: tiny
            seed: 7
            search: { algorithm: grid }
            train:
              dataset: { name: fashion-mnist, limit_train: 320, limit_test: 100 }
              epochs: 2
              global_batch_size: 32
              augment: { crop: 2, flip: true }
              optimizer: { name: adamw, lr: { values: [0.001, 0.002] } }
              model: { name: resnet18, width: 4 }
            """);
        return ChildProgram.Start(ChildProgram.Volley, ["run", file, "--out", Path.Combine(_folder, name), "--data-root", Path.Combine(_folder, "data"), .. more]);
    }
}

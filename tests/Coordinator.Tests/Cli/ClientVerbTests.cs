using System.CommandLine;
using System.Text.Json.Nodes;
using Volley.Coordinator.Cli;
using Volley.Coordinator.Results;
using Volley.Coordinator.Tests.Http;
using Volley.Shared;
using Volley.Shared.Cli;

namespace Volley.Coordinator.Tests.Cli;

/// <summary>The verbs as people type them, against a real coordinator: what they print, where, and their exit codes.</summary>
[Collection(nameof(ApiCollection))]
public sealed class ClientVerbTests(ApiHost host) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-verbs-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Submit_ThenAgain_ThenNew()
    {
        var file = Written("verb-submit");
        var first = await RunAsync("sweep", "submit", file);
        Assert.Equal((0, ""), (first.Code, first.Error));
        Assert.StartsWith("Submitted verb-submit: 2 trials.", first.Output, StringComparison.Ordinal);
        Assert.Contains($"volley sweep watch verb-submit --coordinator {host.Address}", first.Output, StringComparison.Ordinal);

        var again = await RunAsync("sweep", "submit", file);
        Assert.Equal(0, again.Code);
        Assert.Matches("^Already submitted as verb-submit .*; --new runs it again\\.", again.Output);

        var copy = Json(await RunAsync("sweep", "submit", file, "--new", "--json"));
        Assert.True((bool)copy["is_new"]!);
        Assert.Equal("verb-submit-2", (string)copy["sweep"]!["id"]!);
    }

    [Fact]
    public async Task Submit_ChecksTheFileHere_AndTellsEveryProblemWithItsLine()
    {
        var file = Path.Combine(_folder, "wrong.yaml");
        await File.WriteAllTextAsync(file, "name: Wrong_Name\nserch: { algorithm: grid }\ntrain:\n  epochs: many\n", Stop);
        var (code, output, error) = await RunAsync("sweep", "submit", file);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains("wrong.yaml:1:", error, StringComparison.Ordinal);
        Assert.Contains("wrong.yaml:2:", error, StringComparison.Ordinal);
        Assert.Contains("did you mean search", error, StringComparison.Ordinal);
        Assert.Contains("wrong.yaml:4:", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherSweepOfThatName_Is2_AndSaysWhatToDo()
    {
        await RunAsync("sweep", "submit", Written("verb-taken"));
        var (code, _, error) = await RunAsync("sweep", "submit", Written("verb-taken", trials: 3));
        Assert.Equal(2, code);
        Assert.Contains("--set name=", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFinishedSweep_IsShownInEveryForm()
    {
        await RunAsync("sweep", "submit", Written("verb-forms"));
        var watch = await RunAsync("sweep", "watch", "verb-forms");
        Assert.Equal(0, watch.Code);
        Assert.Contains("verb-forms: finished, 2 of 2 finished.", watch.Output, StringComparison.Ordinal);

        Assert.Contains(Json(await RunAsync("sweep", "list", "--json"))["sweeps"]!.AsArray(), sweep => (string)sweep!["id"]! == "verb-forms");
        Assert.Contains("verb-forms", (await RunAsync("sweep", "list")).Output, StringComparison.Ordinal);
        Assert.Contains("2 of 2 finished", (await RunAsync("sweep", "describe", "verb-forms")).Output, StringComparison.Ordinal);
        Assert.Equal("finished", (string)Json(await RunAsync("sweep", "describe", "verb-forms", "--json"))["state"]!);
        Assert.Contains("verb-forms/0000/30.a1", (await RunAsync("sweep", "best", "verb-forms")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (int)Json(await RunAsync("sweep", "best", "verb-forms", "--json"))["trial"]!);

        Assert.Equal(2, Json(await RunAsync("trial", "list", "verb-forms", "--json"))["trials"]!.AsArray().Count);
        Assert.Contains("verb-forms/1: finished", (await RunAsync("trial", "describe", "verb-forms", "1")).Output, StringComparison.Ordinal);
        Assert.Equal(1, (int)Json(await RunAsync("trial", "describe", "verb-forms/1", "--json"))["number"]!);
        Assert.NotEmpty(Json(await RunAsync("trial", "checkpoints", "verb-forms/1", "--json"))["checkpoints"]!.AsArray());
        Assert.Contains("epoch 1 done", (await RunAsync("trial", "logs", "verb-forms/0")).Output, StringComparison.Ordinal);
        Assert.Contains("epoch 1 done", (await RunAsync("trial", "logs", "-f", "verb-forms/0")).Output, StringComparison.Ordinal);

        var node = Json(await RunAsync("node", "list", "--json"))["nodes"]!.AsArray().Single()!;
        Assert.Equal((ApiHost.Node, ApiAgent.Pid), ((string)node["name"]!, (int)node["agent_pid"]!));
    }

    [Fact]
    public async Task Export_WritesWhatRunWrites()
    {
        await RunAsync("sweep", "submit", Written("verb-export"));
        await host.WhenAsync("verb-export", view => view.State == "finished");
        var folder = Path.Combine(_folder, "out");
        var (code, output, _) = await RunAsync("sweep", "export", "verb-export", "--out", folder);
        Assert.Equal(0, code);
        foreach (var name in new[] { "results.json", "results.csv", "report.html" })
        {
            Assert.True(File.Exists(Path.Combine(folder, name)), name);
            Assert.Contains(name, output, StringComparison.Ordinal);
        }
        var digest = ResultsFiles.Read(folder).ResultsDigest;
        Assert.Contains(digest, (await RunAsync("sweep", "results", "verb-export")).Output, StringComparison.Ordinal);
        Assert.Equal(digest, (string)Json(await RunAsync("sweep", "results", "verb-export", "--json"))["results_digest"]!);
    }

    [Fact]
    public async Task Steering_Is1_WhereItWasNotPossible()
    {
        await RunAsync("sweep", "submit", Written("hold-verbs", trials: 1));
        await host.WhenAsync("hold-verbs", view => view.Active is [{ Pid: not null }]);
        Assert.Equal(1, (await RunAsync("sweep", "best", "hold-verbs")).Code);
        Assert.Equal(0, (await RunAsync("sweep", "pause", "hold-verbs", "--wait")).Code);
        Assert.Equal(0, (await RunAsync("sweep", "resume", "hold-verbs")).Code);
        Assert.Equal(0, (await RunAsync("sweep", "priority", "hold-verbs", "5")).Code);
        Assert.Equal(0, (await RunAsync("sweep", "extend", "hold-verbs", "--trials", "2")).Code);
        Assert.Equal(0, (await RunAsync("trial", "kill", "hold-verbs/0")).Code);
        Assert.Equal(0, (await RunAsync("trial", "retry", "hold-verbs/0")).Code);
        Assert.Equal(0, (await RunAsync("sweep", "cancel", "hold-verbs", "--wait")).Code);
        var (code, _, error) = await RunAsync("sweep", "pause", "hold-verbs");
        Assert.Equal(1, code);
        Assert.Contains("cancelled", error, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("sweep", "resume", "hold-verbs")).Code);
        Assert.Equal(1, (await RunAsync("sweep", "watch", "hold-verbs")).Code);
    }

    [Fact]
    public async Task AWatchThatIsEnded_LeavesTheSweepAlone_AndSaysHowToWatchAgain()
    {
        await RunAsync("sweep", "submit", Written("hold-watch", trials: 1));
        await host.WhenAsync("hold-watch", view => view.Active is [{ Pid: not null }]);
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var seen = new StringWriter();
        var watching = RunAsync(TextWriter.Synchronized(seen), ["sweep", "watch", "hold-watch"], interrupt.Token);
        await ApiHost.EventuallyAsync(() => Task.FromResult(seen.ToString().Contains("attempt 1", StringComparison.Ordinal)));
        await interrupt.CancelAsync();
        var (code, _, error) = await watching;
        Assert.Equal(CommandLineHost.InterruptedExitCode, code);
        Assert.Contains($"volley sweep watch hold-watch --coordinator {host.Address}", error, StringComparison.Ordinal);
        Assert.Equal("running", (await host.Client.DescribeAsync("hold-watch", Stop)).State);
        await host.Client.SteerAsync("hold-watch", "cancel", Stop);
    }

    [Theory]
    [InlineData("no sweep named", "sweep", "describe", "zzzzzzzzz")]
    [InlineData("no sweep named", "sweep", "watch", "zzzzzzzzz")]
    [InlineData("1 to 63 of a-z", "sweep", "pause", "Not_A_Name")]
    [InlineData("does not exist", "sweep", "submit", "nowhere.yaml")]
    [InlineData("--epochs N or --trials N", "sweep", "extend", "zzzzzzzzz")]
    [InlineData("must be -100 to 100", "sweep", "priority", "zzzzzzzzz", "1000")]
    [InlineData("a sweep and a number", "trial", "describe", "just-a-name")]
    [InlineData("a sweep and a number", "trial", "kill", "name", "seven")]
    [InlineData("must be one of waiting", "trial", "list", "zzzzzzzzz", "--state", "runing")]
    [InlineData("at least 1", "trial", "logs", "zzzzzzzzz/0", "--attempt", "0")]
    [InlineData("no node named", "node", "exclude", "zzzzzzzzz")]
    [InlineData("VOLLEY_COORDINATOR", "node", "list", "--coordinator", " ")]
    [InlineData("HOST:PORT", "node", "list", "--coordinator", "10.0.0.1")]
    public async Task BadInput_Is2_AndOneSentence(string expected, params string[] words)
    {
        var (code, output, error) = await RunAsync(words);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(expected, error, StringComparison.OrdinalIgnoreCase);
        Assert.Single(error.Trim().Split('\n'));
    }

    private string Written(string name, int trials = 2)
    {
        var path = Path.Combine(_folder, $"{name}-{trials}.yaml");
        File.WriteAllText(path, ApiHost.Yaml(name, trials));
        return path;
    }

    private static JsonNode Json((int Code, string Output, string Error) result)
    {
        Assert.Equal((0, ""), (result.Code, result.Error));
        return JsonNode.Parse(result.Output)!;
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] words) => RunAsync(new StringWriter(), words, Stop);

    /// <summary>As CommandLineHost runs a verb.</summary>
    private async Task<(int Code, string Output, string Error)> RunAsync(TextWriter output, string[] words, CancellationToken stop)
    {
        var error = new StringWriter();
        var root = new Command("volley") { SweepCommand.Create(), TrialCommand.Create(), NodeCommand.Create() };
        string[] all = words.Contains("--coordinator") ? words : [.. words, "--coordinator", host.Address];
        try
        {
            var code = await root.Parse(all).InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop);
            return (code, $"{output}", $"{error}");
        }
        catch (UserErrorException user)
        {
            return (UserErrorException.ExitCode, $"{output}", $"{error}{user.Message}");
        }
    }
}

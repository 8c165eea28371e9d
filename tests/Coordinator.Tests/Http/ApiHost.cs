using System.Net;
using System.Text.Json.Nodes;
using Akka.Actor;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Volley.Coordinator.Client;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Http;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Http;

/// <summary>A real coordinator in this process, with its HTTP API and a real cluster member beside it that plays an agent named <see cref="Node"/>.</summary>
public sealed class ApiHost : IAsyncLifetime
{
    public const string Node = "node-a";

    private readonly string _folder = Directory.CreateTempSubdirectory("volley-api-").FullName;
    private CoordinatorHost _coordinator = null!;
    private ActorSystem _agents = null!;

    public HttpClient Http { get; private set; } = null!;

    /// <summary>As <c>--coordinator</c> wants it.</summary>
    public string Address => Http.BaseAddress!.Authority;

    internal SweepClient Client { get; private set; } = null!;

    internal FakeLogServer Logs { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _coordinator = await CoordinatorHost.StartAsync(new CoordinatorOptions(Path.Combine(_folder, "journal"), Path.Combine(_folder, "logs")), TimeProvider.System, CancellationToken.None);
        Http = new HttpClient { BaseAddress = _coordinator.HttpAddress };
        Client = new SweepClient(_coordinator.HttpAddress);
        Logs = new FakeLogServer();
        var config = ConfigurationFactory.ParseString("akka.loglevel = OFF\nakka.stdout-loglevel = OFF")
            .WithFallback(ConfigurationFactory.ParseString(ClusterSettings.Hocon("127.0.0.1", 0, ClusterNames.AgentRole, [_coordinator.SeedAddress])))
            .WithFallback(ClusterSingletonProxy.DefaultConfig());
        _agents = ActorSystem.Create(ClusterNames.ActorSystem, config);
        _agents.ActorOf(Props.Create(() => new ApiAgent(Node, CoordinatorHost.Version, Logs.Address)), "node");
        await EventuallyAsync(async () => (await Client.NodesAsync(CancellationToken.None)).Count == 1);
    }

    public async ValueTask DisposeAsync()
    {
        await CoordinatedShutdown.Get(_agents).Run(CoordinatedShutdown.ClrExitReason.Instance);
        Client.Dispose();
        Http.Dispose();
        Logs.Dispose();
        await _coordinator.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    public static string Yaml(string name, int trials = 2, string more = "") => $$"""
        name: {{name}}
        seed: 3
        search: { algorithm: random, max_trials: {{trials}} }
        {{more}}
        train:
          dataset: { name: fashion-mnist }
          epochs: 3
          optimizer: { name: adamw, lr: { log_uniform: [1.0e-4, 1.0e-2] } }
          model: { name: resnet18, width: 8 }
        """;

    internal Task<SubmitAnswer> SubmitAsync(string name, int trials = 2, bool isNew = false) =>
        Client.SubmitAsync(new SubmitRequest { FileName = $"{name}.yaml", Text = Yaml(name, trials), IsNew = isNew }, TestContext.Current.CancellationToken);

    /// <summary>A sweep, when this holds of it.</summary>
    internal async Task<SweepView> WhenAsync(string sweep, Func<SweepView, bool> holds)
    {
        SweepView view = null!;
        await EventuallyAsync(async () => holds(view = await Client.DescribeAsync(sweep, TestContext.Current.CancellationToken)));
        return view;
    }

    internal async Task<SweepView> FinishedAsync(string name, int trials = 2)
    {
        await SubmitAsync(name, trials);
        return await WhenAsync(name, view => view.State == "finished");
    }

    public static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await holds()) await Task.Delay(20, limit.Token);
    }

    /// <summary>What RFC 9457 asks of a refusal.</summary>
    public static async Task<string> ProblemAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == response.StatusCode, $"{(int)response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(CoordinatorHost.Version, response.Headers.GetValues("volley-version").Single());
        var problem = JsonNode.Parse(text)!;
        Assert.Equal((int)status, (int)problem["status"]!);
        Assert.False(string.IsNullOrWhiteSpace((string?)problem["title"]), text);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
        return (string?)problem["detail"] ?? "";
    }
}

/// <summary>One coordinator for all tests of the API, the client and its verbs; each uses sweeps of its own.</summary>
[CollectionDefinition(nameof(ApiCollection))]
public sealed class ApiCollection : ICollectionFixture<ApiHost>;

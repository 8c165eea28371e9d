using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Link;
using Volley.GpuNode.Serving;
using Volley.GpuNode.Tests.Checkpointing;
using Volley.GpuNode.Training;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Tests.Serving;

/// <summary>An agent's HTTP server on loopback, over folders of its own.</summary>
internal sealed class ServerFixture : IAsyncDisposable
{
    public static readonly TrialId Trial = new(new SweepId("sweep"), 7);

    private ServerFixture(string folder) => Folder = folder;

    public string Folder { get; }

    public string CheckpointRoot => Path.Combine(Folder, "checkpoints");

    public string LogDirectory => Path.Combine(Folder, "logs");

    public AgentHttpServer Server { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>Ranks that count as running.</summary>
    public HashSet<RankKey> Alive { get; } = [];

    public static async Task<ServerFixture> StartAsync(IPAddress? bind = null, string announced = "127.0.0.1")
    {
        var fixture = new ServerFixture(Directory.CreateTempSubdirectory("volley-serving-").FullName);
        bool IsAlive(RankKey key) { lock (fixture.Alive) return fixture.Alive.Contains(key); }
        var settings = new ServingSettings(
            new IPEndPoint(bind ?? IPAddress.Loopback, 0), announced, "n1", "0.1.0", fixture.CheckpointRoot, fixture.LogDirectory, IsAlive, TimeProvider.System);
        fixture.Server = await AgentHttpServer.StartAsync(settings, NullLoggerFactory.Instance);
        fixture.Client = new HttpClient { BaseAddress = new Uri($"http://{fixture.Server.Address}") };
        return fixture;
    }

    /// <summary>A real checkpoint of <see cref="Trial"/>.</summary>
    public WrittenCheckpoint Checkpoint(long step, int attempt = 1) => new CheckpointStore(TrialRoot()).Write(CheckpointStoreTests.Content(step, attempt));

    public string TrialRoot() => Path.Combine(CheckpointRoot, "sweep", "0007");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

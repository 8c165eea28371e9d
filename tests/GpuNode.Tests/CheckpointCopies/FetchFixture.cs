using Volley.GpuNode.CheckpointCopies;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Tests.Serving;
using Volley.GpuNode.Training;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Tests.CheckpointCopies;

/// <summary>Agents a and c, which hold checkpoints and serve them, and what agent b needs to fetch them into a folder of its own.</summary>
internal sealed class FetchFixture : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-copies-").FullName;

    private FetchFixture(ServerFixture a, ServerFixture c) => (A, C) = (a, c);

    public ServerFixture A { get; }

    public ServerFixture C { get; }

    public static NodeId Self { get; } = new("b");

    public FetchTimeouts Timeouts { get; init; } = new() { Connect = TimeSpan.FromSeconds(1), Stall = TimeSpan.FromSeconds(1), Busy = TimeSpan.FromMilliseconds(50), Look = TimeSpan.FromMilliseconds(50), Return = TimeSpan.FromSeconds(1) };

    public CheckpointFetcher Fetcher => field ??= new CheckpointFetcher(Self, Timeouts, TimeProvider.System);

    public string Root => Path.Combine(_folder, "checkpoints");

    /// <summary>Of the trial, at agent b.</summary>
    public string TrialRoot => Path.Combine(Root, "sweep", "0007");

    public static async Task<FetchFixture> StartAsync() => new(await ServerFixture.StartAsync(), await ServerFixture.StartAsync());

    public CheckpointHolder HolderA => new(new NodeId("a"), A.Server.Address);

    public CheckpointHolder HolderC => new(new NodeId("c"), C.Server.Address);

    public static CheckpointReference Reference(WrittenCheckpoint written, params CheckpointHolder[] holders) =>
        new(written.Step, written.RelativePath, written.ManifestSha256) { Holders = [.. holders] };

    /// <returns>Null: it is there.</returns>
    public async Task<string?> FetchAsync(CheckpointReference checkpoint) =>
        (await Fetcher.FetchAsync(ServerFixture.Trial, Path.Combine(TrialRoot, checkpoint.RelativePath), checkpoint, TestContext.Current.CancellationToken))?.Text;

    /// <summary>Whole, and nothing else is there.</summary>
    public void IsWhole(CheckpointReference checkpoint)
    {
        CheckpointReader.Open(Path.Combine(TrialRoot, checkpoint.RelativePath), checkpoint.ManifestSha256).Dispose();
        HasNoLeftovers();
    }

    public void HasNoLeftovers()
    {
        if (Directory.Exists(TrialRoot)) Assert.DoesNotContain(Directory.EnumerateDirectories(TrialRoot), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    public static void Damage(string checkpointDirectory)
    {
        var path = Path.Combine(checkpointDirectory, CheckpointFiles.Model);
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    public async ValueTask DisposeAsync()
    {
        Fetcher.Dispose();
        await A.DisposeAsync();
        await C.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Volley.Coordinator.Hosting;
using Volley.TestKit;

namespace Volley.Coordinator.Tests.Hosting;

/// <summary>The journal's disk fills up and is emptied again: the coordinator says so, loses nothing and goes on by itself. Its log is on that disk too.</summary>
[Trait("Category", "Slow")]
public sealed class FullDiskTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly ConcurrentQueue<string> _told = new();

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await RunAsync("umount", "--lazy", _folder);     // a pooled connection may hold it for a moment
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task AFullJournalDisk_IsSaid_AndWaitedOut()
    {
        if (!Environment.IsPrivilegedProcess || await RunAsync("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", _folder) != 0)
            SharedFiles.SkipOrFail("Mounting a small file system needs root.");
        await using var coordinator = await CoordinatorHost.StartAsync(
            new CoordinatorOptions(Path.Combine(_folder, "journal"), Path.Combine(_folder, "logs")) { Tell = _told.Enqueue }, TimeProvider.System, TestContext.Current.CancellationToken);
        _client.BaseAddress = coordinator.HttpAddress;
        await UntilReadyAsync();
        using (var first = await SubmitAsync("before")) Assert.Equal(HttpStatusCode.Created, first.StatusCode);

        var filler = Path.Combine(_folder, "filler");
        Fill(filler);
        using (var refused = await SubmitAsync("meanwhile"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains("the disk is full", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        using (var ready = await _client.GetAsync("/readyz", TestContext.Current.CancellationToken))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Contains("the disk is full", await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        Assert.Contains("the disk is full", Assert.Single(_told), StringComparison.Ordinal);

        File.Delete(filler);
        await UntilReadyAsync();
        Assert.Contains("works again", _told.Last(), StringComparison.Ordinal);
        using (var accepted = await SubmitAsync("meanwhile")) Assert.True(accepted.IsSuccessStatusCode, await accepted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        using (var same = await SubmitAsync("before")) Assert.Equal(HttpStatusCode.OK, same.StatusCode);     // nothing was lost
        Assert.False(coordinator.Abdication.IsCompleted);
    }

    /// <summary>With a long comment: it cannot fit into what the journal's file has left.</summary>
    private async Task<HttpResponseMessage> SubmitAsync(string name)
    {
        var text = $$"""
            # {{new string('x', 200_000)}}
            name: {{name}}
            train:
              dataset: { name: fashion-mnist }
              epochs: 1
              global_batch_size: 32
              optimizer: { name: adamw, lr: { values: [0.001] } }
              model: { name: resnet18, width: 8 }
            search: { algorithm: grid }
            """;
        return await _client.PostAsJsonAsync("/api/v1/sweeps", new { name, file_name = $"{name}.yaml", text }, TestContext.Current.CancellationToken);
    }

    private async Task UntilReadyAsync()
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            using var answer = await _client.GetAsync("/readyz", TestContext.Current.CancellationToken);
            if (answer.IsSuccessStatusCode) return;
            if (TimeProvider.System.GetElapsedTime(started) > Patience) Assert.Fail($"Not ready: {await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}\n{string.Join('\n', _told)}");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var size in new[] { 4096, 64, 1 })
        {
            try
            {
                while (true) file.Write(new byte[size]);
            }
            catch (IOException)
            {
                // Full, in steps of that size.
            }
        }
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}

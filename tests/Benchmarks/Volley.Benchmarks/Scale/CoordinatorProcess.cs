using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Volley.Shared.Messages;

namespace Volley.Benchmarks.Scale;

/// <summary>A real <c>volley serve</c> with its SQLite journal, watched from outside: HTTP and /proc.</summary>
internal sealed partial class CoordinatorProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private const int NodesAtOnce = 100;
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly Process _process;

    private CoordinatorProcess(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    /// <param name="program">The built <c>volley</c>.</param>
    /// <param name="data">Its folder; the same again recovers.</param>
    public static async Task<CoordinatorProcess> StartAsync(string program, string data)
    {
        var start = new ProcessStartInfo(program, ["serve", "--data", data, "--http", "127.0.0.1:0", "--cluster", "127.0.0.1:0"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // The heap stays near what lives, so that memory seen from outside is memory in use.
        start.Environment["DOTNET_GCConserveMemory"] = "7";
        start.Environment["DOTNET_GCgen0size"] = "0x1000000";
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => { if (line.Data is { Length: > 0 } text) Console.Error.WriteLine(text); };
        process.BeginErrorReadLine();
        using var limit = new CancellationTokenSource(StartLimit);
        while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            if (HttpAddress().Match(line) is { Success: true } found) return new CoordinatorProcess(process, new Uri(found.Value.TrimEnd(';')));
        throw new InvalidOperationException("The coordinator ended before it listened.");
    }

    /// <summary>All threads, since its start.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Anonymous memory: heap and stacks, no mapped files.</summary>
    public long MemoryBytes =>
        long.Parse(File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;

    public async Task<ClusterView> ClusterAsync() =>
        await Http.GetFromJsonAsync<ClusterView>(new Uri(Address, ClusterView.Path), ClusterView.Json) ?? throw new InvalidOperationException("The coordinator says nothing of its cluster.");

    /// <summary>Of every node, page by page.</summary>
    public async Task<int> SlotsAsync()
    {
        var (slots, after) = (0, "");
        while (true)
        {
            using var page = await JsonAsync($"/api/v1/nodes?limit={NodesAtOnce}{after}");
            slots += page.RootElement.GetProperty("nodes").EnumerateArray().Sum(node => node.GetProperty("slots").GetInt32());
            if (!page.RootElement.TryGetProperty("next", out var next) || next.GetString() is not { } name) return slots;
            after = $"&after={name}";
        }
    }

    public async Task SubmitAsync(string name, string text)
    {
        using var answer = await Http.PostAsJsonAsync(new Uri(Address, "/api/v1/sweeps"), new { name, file_name = $"{name}.yaml", text });
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"The sweep was refused: {await answer.Content.ReadAsStringAsync()}");
    }

    /// <summary>State, version, finished trials.</summary>
    public async Task<(string State, long Version, int Finished)> SweepAsync(string name)
    {
        using var document = await JsonAsync($"/api/v1/sweeps/{name}");
        var root = document.RootElement;
        return (root.GetProperty("state").GetString()!, root.GetProperty("version").GetInt64(), root.GetProperty("finished").GetInt32());
    }

    /// <summary>Retries while it is not there yet.</summary>
    public async Task<(string State, long Version, int Finished)> SweepWhenRecoveredAsync(string name, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await SweepAsync(name);
            }
            catch (HttpRequestException) when (Stopwatch.GetElapsedTime(start) < limit)
            {
                await Task.Delay(5);
            }
        }
    }

    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<JsonDocument> JsonAsync(string path)
    {
        using var answer = await Http.GetAsync(new Uri(Address, path));
        answer.EnsureSuccessStatusCode();
        return JsonDocument.Parse(await answer.Content.ReadAsStreamAsync());
    }

    [GeneratedRegex(@"http://[\d.]+:\d+/?")]
    private static partial Regex HttpAddress();
}

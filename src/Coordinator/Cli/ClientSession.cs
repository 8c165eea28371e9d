using System.Text.Json;
using Volley.Coordinator.Client;
using Volley.Coordinator.Http;
using Volley.Shared.Cli;

namespace Volley.Coordinator.Cli;

/// <summary>One client verb at work: whom it asks, and where it writes.</summary>
/// <param name="CoordinatorOption">As it was typed; null: the variable named it.</param>
internal sealed record ClientSession(SweepClient Client, string? CoordinatorOption, bool IsJson, TextWriter Output, TextWriter Error, CancellationToken Stop)
{
    // Narrower is no terminal that tells its width.
    private const int NarrowestTerminal = 20;

    private static readonly JsonSerializerOptions Indented = new(ApiJson.Options) { WriteIndented = true };

    /// <summary>A person looks at it.</summary>
    public bool IsTerminal => ReferenceEquals(Output, Console.Out) && !Console.IsOutputRedirected;

    /// <summary>Columns of the terminal; null: there is none, and lines may be as long as they are.</summary>
    public int? Width => IsTerminal ? (Console.WindowWidth >= NarrowestTerminal ? Console.WindowWidth : 80) : null;

    public void Line(string line) => Output.WriteLine(line);

    public void Json<T>(T value) => Output.WriteLine(JsonSerializer.Serialize(value, Indented));

    /// <summary>For streams: one object a line.</summary>
    public void JsonLine<T>(T value) => Output.WriteLine(JsonSerializer.Serialize(value, ApiJson.Options));

    /// <returns>What to type next, for the same coordinator.</returns>
    public string Command(params string[] words) => CommandText.Of(["volley", .. words, .. CoordinatorOption is null ? Array.Empty<string>() : ["--coordinator", CoordinatorOption]]);

    /// <summary>Ctrl-C and SIGTERM end what <paramref name="act"/> waits for, and nothing else.</summary>
    /// <param name="onInterrupt">Told where they did.</param>
    public async Task<int> UntilInterruptedAsync(Func<CancellationToken, Task<int>> act, Action onInterrupt)
    {
        using var interruption = new Interruption();
        using var both = CancellationTokenSource.CreateLinkedTokenSource(interruption.Token, Stop);
        try
        {
            return await act(both.Token);
        }
        catch (OperationCanceledException) when (both.IsCancellationRequested)
        {
            onInterrupt();
            return CommandLineHost.InterruptedExitCode;
        }
    }
}

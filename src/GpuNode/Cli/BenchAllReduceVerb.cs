using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Benchmarks;
using Volley.GpuNode.Collectives.Local;
using Volley.Shared;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley bench allreduce</c>: how long a sum over ranks takes, by size.</summary>
internal static class BenchAllReduceVerb
{
    private const int MostRanks = 256;   // of a trial

    // A pipe has no width; Spectre would take 80 and break the numbers.
    private const int RedirectedWidth = 120;

    private static readonly JsonSerializerOptions JsonLines = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly Option<int> Ranks = new("--ranks") { Description = "Processes that take part.", DefaultValueFactory = _ => 2 };
    private static readonly Option<int?> Shards = new("--shards") { Description = "Shards that they contribute (default: one each)." };
    private static readonly Option<string> Sizes = new("--sizes") { Description = "Bytes of float32, with K, M or G (1024 each), separated by commas.", DefaultValueFactory = _ => "4K,64K,1M,4M,25M,100M" };
    private static readonly Option<string> Transport = new("--transport") { Description = "auto: as a trial on this machine would choose.", DefaultValueFactory = _ => "auto" };
    private static readonly Option<string> Wire = new("--wire") { Description = "same: float32 travels; bfloat16: rounded on the way.", DefaultValueFactory = _ => "same" };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "To spend on the calls of one size.", DefaultValueFactory = _ => 1 };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object per size, one per line." };

    public static Command Create()
    {
        Transport.AcceptOnlyFromAmong([.. Enum.GetNames<TransportChoice>().Select(name => name.ToLowerInvariant())]);
        Wire.AcceptOnlyFromAmong("same", "bfloat16");
        var command = new Command("allreduce",
            """
            How long the sum of a float32 buffer over ranks takes: median, 5th and 95th percentile of single calls, by size.

            Every size is checked bit for bit against the plain sum before and after it is timed; a wrong sum is exit code 1.

            Examples:
              volley bench allreduce --ranks 2
              volley bench allreduce --ranks 4 --sizes 4K,25M --transport shm --json
            """) { Ranks, Shards, Sizes, Transport, Wire, Seconds, Json };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var ranks = parsed.GetValue(Ranks);
        if (ranks is < 1 or > MostRanks) throw new UserErrorException($"--ranks: is {ranks}, must be 1 … {MostRanks}.");
        var shards = parsed.GetValue(Shards) ?? ranks;
        if (shards < ranks || shards > MostRanks) throw new UserErrorException($"--shards: is {shards}, must be at least the number of ranks ({ranks}) and at most {MostRanks}.");
        if (parsed.GetValue(Seconds) is not (> 0 and <= 600)) throw new UserErrorException($"--seconds: is {parsed.GetValue(Seconds)}, must be above 0 and at most 600.");
        var plan = new AllReducePlan(
            SizesOf(parsed.GetValue(Sizes)!), Enum.Parse<TransportChoice>(parsed.GetValue(Transport)!, ignoreCase: true),
            parsed.GetValue(Wire) == "same" ? WireType.Same : WireType.BFloat16, parsed.GetValue(Seconds));

        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(ranks, shards, AllReduceBenchmark.Name, JsonSerializer.Serialize(plan)), cancellation);
        var cases = new List<AllReduceCase>();
        await foreach (var line in group.Ranks[0].Reports.ReadAllAsync(cancellation))
        {
            cases.Add(JsonSerializer.Deserialize<AllReduceCase>(line)!);
            if (parsed.GetValue(Json)) Console.WriteLine(JsonSerializer.Serialize(cases[^1], JsonLines));
        }
        await group.WaitAsync(cancellation);
        if (!parsed.GetValue(Json))
        {
            if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = RedirectedWidth;
            AnsiConsole.Write(TableOf(cases));
        }
        return cases.All(found => found.Verified) ? 0 : 1;
    }

    internal static IReadOnlyList<long> SizesOf(string text) => [.. text.Split(',').Select(SizeOf)];

    private static long SizeOf(string text)
    {
        var unit = text.Length > 0 ? "KMG".IndexOf(char.ToUpperInvariant(text[^1])) + 1 : 0;
        if (!long.TryParse(unit > 0 ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > 1L << 40)
            throw new UserErrorException($"--sizes: '{text}' is no size; expected for example 4096, 64K or 25M.");
        var bytes = number << (10 * unit);
        if (bytes % sizeof(float) != 0 || bytes > int.MaxValue) throw new UserErrorException($"--sizes: {text} is {bytes} bytes; must be whole float32 (multiples of 4), below 2 GB.");
        return bytes;
    }

    private static Table TableOf(IReadOnlyList<AllReduceCase> cases)
    {
        var table = new Table().AddColumns("transport", "ranks", "bytes", "calls", "median µs", "p5 µs", "p95 µs", "GB/s", "verified", "cores ns");
        foreach (var found in cases)
            table.AddRow(found.Transport, $"{found.Ranks}", $"{found.Bytes:N0}", $"{found.Calls}", $"{found.MedianUs:N1}", $"{found.P5Us:N1}", $"{found.P95Us:N1}", $"{found.GigabytesPerSecond:f2}", found.Verified ? "yes" : "NO",
                $"{Text(found.CoreRoundTripNs)} → {Text(found.CoreRoundTripAfterNs)}");
        return table;

        static string Text(double? nanoseconds) => nanoseconds is { } known ? $"{known:f0}" : "?";
    }
}

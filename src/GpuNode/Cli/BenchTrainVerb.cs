using System.CommandLine;
using System.Text.Json;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Local;
using Volley.GpuNode.Gradients;
using Volley.GpuNode.Training.Benchmarks;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley bench train</c>: what several ranks train a second, against as many processes that train alone.</summary>
internal static class BenchTrainVerb
{
    private const int MostRanks = 256;   // of a trial
    private const int CheckedSteps = 2;
    private const int WarmUpSteps = 3;

    private static readonly JsonSerializerOptions JsonLines = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly Option<string> Model = new("--model") { Description = "A preset (volley profile lists them).", Required = true };
    private static readonly Option<int> Ranks = new("--ranks") { Description = "Processes that train together.", DefaultValueFactory = _ => 2 };
    private static readonly Option<int> Threads = new("--threads") { Description = "Of each.", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> Batch = new("--batch") { Description = "Images of each rank a step.", DefaultValueFactory = _ => 64 };
    private static readonly Option<int> Steps = new("--steps") { Description = "Timed ones.", DefaultValueFactory = _ => 20 };
    private static readonly Option<string> Transport = new("--transport") { Description = "auto: as a trial on this machine would choose.", DefaultValueFactory = _ => "auto" };
    private static readonly Option<bool> Plain = new("--plain") { Description = "Exchange after backward instead of during it: the reference." };
    private static readonly Option<double> BandwidthLimit = new("--bandwidth-limit") { Description = "GB/s between ranks, as over a slower link; 0: none." };
    private static readonly Option<long> Bucket = new("--bucket") { Description = "Bytes of a bucket.", DefaultValueFactory = _ => BucketPlan.BucketBytes };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    public static Command Create()
    {
        Transport.AcceptOnlyFromAmong([.. Enum.GetNames<TransportChoice>().Select(name => name.ToLowerInvariant())]);
        var command = new Command("train",
            """
            Training steps on noise in the shape of CIFAR-10: images a second of several ranks, where a step's time goes, and the ratio to as
            many processes that train alone at the same time.

            After the first steps all ranks must hold the bits that one process with the same shards comes to; otherwise the exit code is 1.

            Examples:
              volley bench train --model vit --ranks 2 --batch 64
              volley bench train --model resnet18 --ranks 2 --batch 64 --plain --bandwidth-limit 0.5 --json
            """) { Model, Ranks, Threads, Batch, Steps, Transport, Plain, BandwidthLimit, Bucket, Json };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (name, ranks, threads, batch, steps) = (parsed.GetValue(Model)!, parsed.GetValue(Ranks), parsed.GetValue(Threads), parsed.GetValue(Batch), parsed.GetValue(Steps));
        if (!ModelPresets.TryGet(name, out var model)) throw new UserErrorException($"--model: is '{name}', must be one of {string.Join(", ", ModelPresets.Names)}.");
        RequireRange("--ranks", ranks, 1, MostRanks);
        RequireRange("--threads", threads, 1, 1024);
        RequireRange("--batch", batch, 2, 65_536);
        RequireRange("--steps", steps, 5, 100_000);
        if (parsed.GetValue(BandwidthLimit) is not (>= 0 and <= 1000)) throw new UserErrorException($"--bandwidth-limit: is {parsed.GetValue(BandwidthLimit)} GB/s, must be from 0 (none) to 1000.");
        if (parsed.GetValue(Bucket) < 64) throw new UserErrorException($"--bucket: is {parsed.GetValue(Bucket)} bytes, must be at least 64.");

        TrainOrder Order(int shards, bool isAlone, int timed) => new(
            ConfigJson.Serialize(Trial(model, shards, threads, batch * shards)), CheckedSteps, timed > 0 ? WarmUpSteps : 0, timed, isAlone, !parsed.GetValue(Plain),
            Enum.Parse<TransportChoice>(parsed.GetValue(Transport)!, ignoreCase: true), parsed.GetValue(BandwidthLimit) * 1e9, parsed.GetValue(Bucket), DataRoot: null);

        var reference = await ReportsAsync(1, ranks, Order(ranks, isAlone: true, timed: 0), cancellation);
        var together = await ReportsAsync(ranks, ranks, Order(ranks, isAlone: false, timed: steps), cancellation);
        var alone = await ReportsAsync(ranks, ranks, Order(1, isAlone: true, timed: steps), cancellation);
        var result = Result(name, ranks, threads, batch, parsed.GetValue(Plain), reference[0], together, alone);
        Console.WriteLine(parsed.GetValue(Json) ? JsonSerializer.Serialize(result, JsonLines)
            : $"{result.Model}, {ranks} ranks × {threads} threads, {batch} images each, {result.Transport}{(result.Plain ? ", plain" : "")}: {result.ImagesPerSecondMedian:N1} images/s "
              + $"(p5 {result.ImagesPerSecondP5:N1}, p95 {result.ImagesPerSecondP95:N1}); forward {result.ForwardMs:N1}, backward {result.BackwardMs:N1}, exchange {result.ExchangeMs:N1}, update {result.UpdateMs:N1} ms; "
              + $"{result.RatioToSingleProcesses:N3} of {ranks} single processes; {(result.Verified ? "verified" : "NOT VERIFIED")}.");
        return result.Verified ? 0 : 1;
    }

    private static TrainCase Result(string model, int ranks, int threads, int batch, bool plain, TrainReport reference, TrainReport[] together, TrainReport[] alone)
    {
        // The slowest rank ends the step for all; sorted ascending, so that fast steps are the high percentiles of images a second.
        double[] seconds = [.. Enumerable.Range(0, together[0].StepSeconds.Length).Select(i => together.Max(rank => rank.StepSeconds[i])).Order()];
        double Images(double quantile) => Math.Round(ranks * batch / seconds[(int)((seconds.Length - 1) * (1 - quantile))], 2);
        var single = alone.Sum(process => batch / process.StepSeconds.Order().ElementAt(process.StepSeconds.Length / 2));
        return new TrainCase(
            TrainBenchmark.Name, model, ranks, threads, batch, together[0].Transport, plain, Images(0.5), Images(0.05), Images(0.95),
            Ms(together, rank => rank.Forward), Ms(together, rank => rank.Backward), Ms(together, rank => rank.Exchange), Ms(together, rank => rank.Update),
            Math.Round(single, 2), Math.Round(Images(0.5) / single, 4), together.All(rank => rank.State == reference.State));
    }

    private static double Ms(TrainReport[] reports, Func<TrainReport, double> seconds) => Math.Round(1000 * reports.Average(seconds), 3);

    private static async Task<TrainReport[]> ReportsAsync(int ranks, int shards, TrainOrder order, CancellationToken cancellation)
    {
        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(ranks, shards, TrainBenchmark.Name, JsonSerializer.Serialize(order)), cancellation);
        await group.WaitAsync(cancellation);
        var reports = new List<TrainReport>();
        foreach (var rank in group.Ranks) reports.Add(JsonSerializer.Deserialize<TrainReport>(await rank.Reports.ReadAsync(cancellation))!);
        return [.. reports];
    }

    private static TrialSpec Trial(ModelSpec model, int shards, int threads, int globalBatchSize) => new()
    {
        Number = 0,
        Seed = 1,
        Train = new TrainingSpec { Dataset = new DatasetSpec { Name = "cifar10" }, Model = model, GlobalBatchSize = globalBatchSize },
        Resources = new ResourcesSpec { Ranks = shards, ThreadsPerRank = threads, Device = "cpu" },
    };

    private static void RequireRange(string option, int value, int least, int most)
    {
        if (value < least || value > most) throw new UserErrorException($"{option}: is {value}, must be {least} … {most}.");
    }
}

/// <summary>What <c>bench train</c> found; times per step, means over ranks and steps.</summary>
/// <param name="SingleProcesses">Images a second of as many processes that train alone at the same time, together.</param>
/// <param name="Verified">Every rank came to the bits of one process with the same shards.</param>
internal sealed record TrainCase(
    string Bench, string Model, int Ranks, int Threads, int Batch, string Transport, bool Plain, double ImagesPerSecondMedian, double ImagesPerSecondP5, double ImagesPerSecondP95,
    double ForwardMs, double BackwardMs, double ExchangeMs, double UpdateMs, double SingleProcesses, double RatioToSingleProcesses, bool Verified);

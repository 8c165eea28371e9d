using System.CommandLine;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training;
using Volley.Shared.Cli;
using Volley.Shared.Config;

namespace Volley.Benchmarks;

/// <summary>Batches of a whole epoch, made by one worker: how far data is from being what training waits for.</summary>
internal static class DataBenchmark
{
    private const int Batch = 128;

    private static readonly (string Name, AugmentSpec Augment)[] Recipes =
    [
        ("none", new AugmentSpec()),
        ("crop, flip", new AugmentSpec { Crop = 4, Flip = true }),
        ("crop, flip, random erasing", new AugmentSpec { Crop = 4, Flip = true, RandomErasing = 0.25 }),
        ("crop, flip, mixup", new AugmentSpec { Crop = 4, Flip = true, Mixup = 0.5 }),
        ("flip, RandAugment m9 n1 p0.5, mixup", new AugmentSpec { Flip = true, Randaugment = "rand-m9-n1-mstd0.4-inc1", Mixup = 0.5 }),
    ];

    public static Command Command()
    {
        var name = new Option<string>("--name") { Description = "A data set.", DefaultValueFactory = _ => "cifar10" };
        var path = new Option<string>("--path") { Description = "Where it lies: a folder, archive or packed file.", Required = true };
        var runs = new Option<int>("--runs") { Description = "Epochs to time.", DefaultValueFactory = _ => 5 };
        var command = new Command("data", "Images per second of one preparing thread, e.g. data --path cifar10.volley") { name, path, runs };
        command.SetAction(parse => Run(parse.GetValue(name)!, Path.GetFullPath(parse.GetValue(path)!), parse.GetValue(runs)));
        return command;
    }

    private static int Run(string name, string path, int runs)
    {
        var isPrinted = false;
        foreach (var (recipe, augment) in Recipes)
        {
            using var data = Open(name, path, augment);
            if (!isPrinted)
            {
                Machine.PrintHeader($"Batches of {Batch} from {data.Description.Source}, {data.Input.Width}×{data.Input.Height}×{data.Input.Channels}, one worker");
                Console.WriteLine("| augmentation | images/s, median (5–95 %) | images/s of processor time |");
                Console.WriteLine("|---|---|---|");
                isPrinted = true;
            }
            if (Hash(data) != Hash(data)) throw new InvalidOperationException($"{recipe}: two passes over an epoch differ.");
            var images = data.StepsPerEpoch * Batch;
            var timing = Timing.Measure(warmUps: 1, runs, () => Pass(data));
            double PerSecond(double milliseconds) => images / (milliseconds / 1000);
            Console.WriteLine($"| {recipe} | {PerSecond(timing.Median):n0} ({PerSecond(timing.Wall[^1]):n0}–{PerSecond(timing.Wall[0]):n0}) | {PerSecond(timing.CpuPerRun):n0} |");
        }
        return 0;
    }

    private static ITrainingData Open(string name, string path, AugmentSpec augment)
    {
        var trial = new TrialSpec
        {
            Number = 0,
            Seed = 1,
            Train = new TrainingSpec { Dataset = new DatasetSpec { Name = name, Path = path, ValFraction = 0 }, Model = new ResNetSpec { Name = "resnet18" }, GlobalBatchSize = Batch, Augment = augment },
            // All cores but one belong to training, so there is one worker.
            Resources = new ResourcesSpec { ThreadsPerRank = Math.Max(1, Environment.ProcessorCount - 1) },
        };
        return TrainingData.Open(trial, new TrialDirectories("", UserFolders.DataRoot(), Environment.CurrentDirectory), CancellationToken.None);
    }

    private static void Pass(ITrainingData data)
    {
        foreach (var _ in data.TrainEpoch(0, 0, [0], CancellationToken.None))
        {
            // Taken and given back: nothing but the making is timed.
        }
    }

    private static ulong Hash(ITrainingData data)
    {
        var hash = new XxHash3();
        foreach (var batch in data.TrainEpoch(0, 0, [0], CancellationToken.None)) hash.Append(MemoryMarshal.AsBytes<float>(batch.Pixels));
        return hash.GetCurrentHashAsUInt64();
    }
}

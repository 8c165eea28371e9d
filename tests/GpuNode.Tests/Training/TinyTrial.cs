using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Tests.Data;
using Volley.GpuNode.Training;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Tests.Training;

/// <summary>Trials that take a second or two: small networks on a few real images, with everything random switched on.</summary>
internal static class TinyTrial
{
    public const string ResNet = "resnet18";
    public const string Vit = "vit";
    public const string Sdt = "sdt";
    public const string Spikformer = "spikformer";

    /// <summary>Four steps of 32 images an epoch, two epochs, augmentation and dropout on.</summary>
    public static TrialSpec Of(string family, Func<TrainingSpec, TrainingSpec>? change = null)
    {
        var train = new TrainingSpec
        {
            Dataset = new DatasetSpec { Name = "fashion-mnist", Path = DataFolder.FashionSubset, LimitTrain = 160, LimitTest = 64, ValFraction = 0.2 },
            Model = Model(family),
            Epochs = 2,
            GlobalBatchSize = 32,
            Optimizer = new OptimizerSpec { Name = "adamw", Lr = 1e-3, WeightDecay = 0.05 },
            Schedule = new ScheduleSpec { WarmupEpochs = 1, Per = "step" },
            LabelSmoothing = 0.1,
            Augment = new AugmentSpec { Crop = 2, Flip = true, Mixup = 0.5 },
            ClipNorm = 5,
        };
        return new TrialSpec
        {
            Number = 0,
            Seed = 11,
            DataSeed = 12,
            Train = change is null ? train : change(train),
            Checkpoint = new CheckpointSpec { KeepLast = 100 },
        };
    }

    public static ModelSpec Model(string family) => family switch
    {
        ResNet => new ResNetSpec { Name = "resnet18", Width = 4, Blocks = [1, 1, 1, 1], Dropout = 0.2 },
        Vit => new VitSpec { Name = "vit", EmbedDim = 16, Depth = 2, Heads = 2, Patch = 7, MlpRatio = 2, Dropout = 0.1, DropPath = 0.1 },
        Sdt => new SdtSpec { Name = "sdt", EmbedDim = 16, Depth = 1, Heads = 2, MlpRatio = 2, TimeSteps = 2, Dropout = 0.1, DropPath = 0.1, Encoder = "poisson" },
        Spikformer => new SpikformerSpec { Name = "spikformer", EmbedDim = 16, Depth = 1, Heads = 2, MlpRatio = 2, TimeSteps = 2, Dropout = 0.1, DropPath = 0.1 },
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "not a family"),
    };
}

/// <summary>A folder for one trial's checkpoints, and a shared cache of prepared data.</summary>
internal sealed class TrialFolder : IDisposable
{
    private static readonly string SharedData = Directory.CreateTempSubdirectory("volley-train-data-").FullName;

    static TrialFolder() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(SharedData, recursive: true);

    public string Root { get; } = Directory.CreateTempSubdirectory("volley-train-").FullName;

    public TrialDirectories Directories => new(Root, SharedData, Root);

    public TrialRunResult Run(TrialSpec spec, int attempt = 1, ITrialObserver? observer = null, IReadOnlyList<ResumeSource>? resume = null, CancellationTokenSource? stop = null, bool retires = false, bool mayTrainLonger = false)
    {
        TrialRunResult? result = null;
        Exception? failure = null;
        // Its own thread, as in a rank process: dispose scopes belong to threads.
        var thread = new Thread(() =>
        {
            try
            {
                result = TrialRunner.Run(spec, attempt, Directories, Options(resume, retires) with { MayTrainLonger = mayTrainLonger }, observer ?? new Recorder(), stop?.Token ?? CancellationToken.None);
            }
            catch (Exception wrong)
            {
                failure = wrong;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return result!;
    }

    private static TrialRunOptions Options(IReadOnlyList<ResumeSource>? resume, bool retires) =>
        new() { ResumeFrom = resume ?? [], RetiresCheckpoints = retires, LatencyBudget = TimeSpan.Zero };

    /// <summary>Runs until <paramref name="steps"/> steps are complete, then resumes in a second attempt to the end.</summary>
    public TrialRunResult RunInterrupted(TrialSpec spec, long steps, ITrialObserver? second = null)
    {
        using var stop = new CancellationTokenSource();
        var everyStep = spec with { Checkpoint = spec.Checkpoint with { EverySteps = 1 } };
        // A checkpoint of every step: the one at the wanted step is where the second attempt starts.
        Run(everyStep, observer: new Recorder { Checkpointed = c => { if (c.Step >= steps) stop.Cancel(); } }, stop: stop);
        return Run(spec, 2, second, [new ResumeSource(Path.Combine(Root, $"{steps}.a1"), null)]);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

/// <summary>Keeps what it is told.</summary>
internal sealed class Recorder : ITrialObserver
{
    private readonly Lock _lock = new();

    public List<EpochMetrics> Epochs { get; } = [];
    public List<WrittenCheckpoint> Checkpoints { get; } = [];
    public List<string> Log { get; } = [];
    public Action<EpochMetrics>? EpochEnded { get; init; }
    public Action<WrittenCheckpoint>? Checkpointed { get; init; }
    public Action<string>? ProblemMet { get; init; }
    public string DataDigest { get; private set; } = "";

    public void OnData(DataDescription data) => DataDigest = data.Digest;

    public void OnCheckpointProblem(string problem)
    {
        OnLog(problem);
        ProblemMet?.Invoke(problem);
    }

    public void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond) { }

    public void OnEpoch(EpochMetrics epoch)
    {
        Epochs.Add(epoch);
        EpochEnded?.Invoke(epoch);
    }

    public void OnCheckpoint(WrittenCheckpoint checkpoint)
    {
        lock (_lock) Checkpoints.Add(checkpoint);
        Checkpointed?.Invoke(checkpoint);
    }

    public void OnLog(string line)
    {
        lock (_lock) Log.Add(line);
    }
}

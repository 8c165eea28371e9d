using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Training;
using Volley.Shared.Results;
using Volley.Shared.Serialization;
using RankPace = Volley.GpuNode.Training.Groups.RankPace;

namespace Volley.GpuNode.Rank;

/// <summary>What the training thread sees happen goes to the agent; log lines go to standard output, which the agent keeps.</summary>
/// <param name="steps">Null: the agent keeps none.</param>
/// <param name="firstAttempt">The one that the process was started for.</param>
internal sealed class LinkObserver(Action<FromRank> send, StepRecord? steps, TimeProvider time, int firstAttempt = 0) : ITrialObserver
{
    // A person watches a table; a small model takes a hundred steps a second.
    private static readonly TimeSpan ProgressPeriod = TimeSpan.FromMilliseconds(500);

    private long _lastProgress;
    private bool _hasReported;
    private long _startStep;
    private long? _firstStepDone;
    private volatile string _checkpointProblem = "";
    private int _checkpointProblems;
    private volatile Progress? _newest;
    private volatile int _attempt = firstAttempt;
    private IReadOnlyList<RankPace> _paces = [];

    /// <summary>A group stands: what is said from now on belongs to its attempt.</summary>
    public void OnGroup(int attempt, int position, int worldSize)
    {
        _attempt = attempt;
        (_hasReported, _firstStepDone, _paces) = (false, null, []);
    }

    public void OnPaces(IReadOnlyList<RankPace> paces) => _paces = paces;

    public void OnData(DataDescription data)
    {
        OnLog($"data: {data.Source}, {data.Split}, digest {data.Digest}");
        Post(new FromRank { Data = new DataOpened { Digest = data.Digest } });
    }

    /// <summary>Also from the writer's thread. Said at once, with the progress of before: a run that waits for its last checkpoint makes none.</summary>
    public void OnCheckpointProblem(string problem)
    {
        _checkpointProblem = problem;
        Interlocked.Increment(ref _checkpointProblems);
        OnLog(problem);
        if (_newest?.Clone() is not { } again) return;
        (again.CheckpointProblem, again.CheckpointProblems) = (problem, Volatile.Read(ref _checkpointProblems));
        Post(new FromRank { Progress = again });
    }

    public void OnResumed(long step)
    {
        _startStep = step;
        steps?.Begin(step);
    }

    public void OnStep(long step)
    {
        _firstStepDone ??= time.GetTimestamp();
        steps?.Complete(step);
    }

    public void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond)
    {
        if (_hasReported && time.GetElapsedTime(_lastProgress) < ProgressPeriod && step < totalSteps) return;
        _hasReported = true;
        _lastProgress = time.GetTimestamp();
        _newest = new Progress
        {
            Epoch = epoch,
            TotalEpochs = totalEpochs,
            Step = step,
            TotalSteps = totalSteps,
            Loss = loss,
            ImagesPerSecond = imagesPerSecond,
            StartStep = _startStep,
            SecondsSinceFirstStep = _firstStepDone is { } first ? time.GetElapsedTime(first).TotalSeconds : 0,
            CheckpointProblem = _checkpointProblem,
            CheckpointProblems = Volatile.Read(ref _checkpointProblems),
        };
        _newest.Paces.AddRange(_paces.Select(pace => new Link.Wire.RankPace { Rank = pace.Rank, Seconds = pace.Seconds, StragglerScore = pace.StragglerScore }));
        Post(new FromRank { Progress = _newest });
    }

    public void OnEpoch(EpochMetrics epoch)
    {
        var validation = epoch.Validation is { } part ? $", validation loss {part.Loss:0.0000}{(part.Accuracy is { } accuracy ? $", accuracy {accuracy:0.0000}" : "")}" : "";
        OnLog($"epoch {epoch.Epoch}, step {epoch.Step}: loss {epoch.TrainLoss:0.0000}{validation}, learning rate {epoch.LearningRate:0.######}, {epoch.ImagesPerSecond:0} images/s");
        Post(new FromRank { Epoch = epoch.ToWire() });
    }

    public void OnCheckpoint(WrittenCheckpoint checkpoint)
    {
        var message = new CheckpointWritten
        {
            Step = checkpoint.Step,
            Epoch = checkpoint.Epoch,
            RelativePath = checkpoint.RelativePath,
            ManifestSha256 = checkpoint.ManifestSha256,
            Bytes = checkpoint.Bytes,
        };
        if (checkpoint.ObjectiveValue is { } value) message.ObjectiveValue = value;
        OnLog($"checkpoint {checkpoint.RelativePath}, {checkpoint.Bytes} bytes");
        send(new FromRank { Checkpoint = message, Attempt = checkpoint.Attempt });   // on the writer's thread, perhaps after a newer group has formed
    }

    public void OnLog(string line) => Console.Out.WriteLine(line);

    private void Post(FromRank message)
    {
        message.Attempt = _attempt;
        send(message);
    }
}

using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Cli;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training.Groups;
using Volley.GpuNode.Training.Optimizers;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Training;

/// <summary>The main path: epochs of steps, each epoch followed by an evaluation and, when due, a checkpoint.</summary>
/// <remarks>A request to stop is looked at between steps and inside evaluations; the step under way is finished first. With other ranks all stop after the same step.</remarks>
#pragma warning disable CA1001 // what belongs to a group ends with it, in Leave
internal sealed class Trainer
#pragma warning restore CA1001
{
    // glibc keeps what a step freed for the next (ProcessSettings) and fragments unless it is told to let go (DESIGN §12).
    private const int StepsBetweenTrims = 32;

    /// <summary>For a person who reads the alert, or whatever fills the disk, to make room.</summary>
    private static readonly TimeSpan LastSavePatience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LastSavePause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(0.5);

    private readonly TrialSpec _spec;
    private readonly ITrialRanks _ranks;
    private readonly ITrainingData _data;
    private readonly TrainingModel _model;
    private readonly FlatOptimizer _optimizer;
    private readonly ComputePlace _place;
    private readonly RunCheckpoints _checkpoints;
    private readonly BackgroundCheckpointWriter _writer;
    private readonly BestWeights _best;
    private readonly ITrialObserver _observer;
    private readonly TimeProvider _time;
    private readonly string _fingerprint;
    private readonly string _baseDirectory;
    private readonly Func<IReadOnlyList<ResumeSource>?, RunState> _begin;

    private RunState? _state;
    private RankGroup? _group;
    private GroupWords? _words;
    private TimedCollective? _timed;
    private StragglerWatch? _stragglers;
    private EpochClock? _clock;
    private long _startStep;
    private double _computeSeconds;

    // Of the group that is over: whether this rank writes what a stop asks for while no group stands.
    private bool _isFirstSurvivor = true;
    private int _attempt;
    private (int Attempt, long Step, int Epoch)? _saved;

    /// <param name="begin">Where nothing is in memory: restores the newest valid one of these checkpoints (null: of those the run was started with), or begins.</param>
    public Trainer(TrialSpec spec, ITrialRanks ranks, ITrainingData data, TrainingModel model, FlatOptimizer optimizer, ComputePlace place,
        RunCheckpoints checkpoints, BackgroundCheckpointWriter writer, BestWeights best, Func<IReadOnlyList<ResumeSource>?, RunState> begin, string fingerprint, string baseDirectory, ITrialObserver observer, TimeProvider time)
    {
        (_spec, _ranks, _data, _model, _optimizer, _place) = (spec, ranks, data, model, optimizer, place);
        (_checkpoints, _writer, _best, _begin, _fingerprint, _baseDirectory, _observer, _time) = (checkpoints, writer, best, begin, fingerprint, baseDirectory, observer, time);
    }

    /// <summary>As of the last completed step.</summary>
    public RunState State => _run;

    /// <summary>Of what the trial reports, by the reported weights; null before the run is finished.</summary>
    public MeasuredEvaluation? Last { get; private set; }

    /// <summary>Gives the outcome, where several ranks have trained.</summary>
    public bool IsSpeaker { get; private set; }

    private RunState _run
    {
        get => _state ?? throw new InvalidOperationException("The run has no state yet.");
        set => _state = value;
    }

    private bool IsOutOfPatience => _spec.Train.PatienceEpochs > 0 && _run.BestEpoch > 0 && _run.Epoch - _run.BestEpoch >= _spec.Train.PatienceEpochs;

    private bool IsDone => _run.StepInEpoch == 0 && (_run.Epoch >= _spec.Train.Epochs || IsOutOfPatience);

    private long TotalSteps => (long)_data.StepsPerEpoch * _spec.Train.Epochs;

    private GroupWords Words => _words ?? throw new InvalidOperationException("No group stands.");

    /// <summary>
    /// Trains to the end, or to a request to stop. Either way a checkpoint of the last completed step is on disk when it returns: of a group
    /// position 0 wrote it. Each loss of a peer ends the group and nothing else: the next one goes on from the last completed step.
    /// </summary>
    /// <exception cref="NonFiniteStepException">The trial has failed.</exception>
    /// <exception cref="CheckpointWriteException">The last checkpoint could not be written.</exception>
    public TrialEnd Run(CancellationToken stop)
    {
        using var guard = new StepGuard(_place.Device);
        using var tally = new EpochTally(_place.Device);
        using var step = new TrainStep(_spec, _data.Input, _model, _optimizer, _place, guard, tally);
        while (true)
        {
            try
            {
                if (!Join(step, tally, stop)) return EndWithoutGroup(stop);
                if (RunInGroup(step, guard, tally, stop) is { } end) return end;
            }
            catch (PeerLostException lost)
            {
                Lose(lost, tally);
            }
            finally
            {
                Leave(step);
            }
        }
    }

    /// <summary>Blocks until a group stands, and brings all of it to the state of the most advanced rank.</summary>
    /// <returns>false: told to stop before.</returns>
    private bool Join(TrainStep step, EpochTally tally, CancellationToken stop)
    {
        var hadState = _state is not null;
        _group = _ranks.Form(_state?.Step ?? -1, GradientPlan.Of(_model, _spec).Hash, stop);
        if (_group is null) return false;
        _attempt = _group.Attempt;
        IsSpeaker = _isFirstSurvivor = _group.IsSpeaker;
        _observer.OnGroup(_group.Attempt, _group.Position, _group.WorldSize);
        _timed = _group.Collective is null ? null : new TimedCollective(_group.Collective);
        _words = new GroupWords(_group, () => _ranks.IsNewerWanted, stop);
        _stragglers = _group.WorldSize > 1 ? new StragglerWatch([.. _group.Members.Select(member => member.Rank)]) : null;
        _computeSeconds = 0;
        if (_group.Collective is null) _state ??= _begin(_group.ResumeFrom);
        else (_state, _) = new StateBroadcast(_model, _optimizer, _checkpoints, _best).Level(_group.Collective, _state, () => _begin(_group.ResumeFrom));
        tally.Set(_run.EpochLossSum, _run.EpochHits, _run.EpochImages);
        step.Join(_timed);
        _model.Network.train();
        _startStep = _run.Step;
        _observer.OnResumed(_startStep);
        if (_group.WorldSize > 1 || hadState) _observer.OnLog($"attempt {_attempt}: goes on after step {_startStep}{(hadState ? ", with what it had in memory" : "")}.");
        return true;
    }

    /// <returns>null: it left for a newer attempt.</returns>
    private TrialEnd? RunInGroup(TrainStep step, StepGuard guard, EpochTally tally, CancellationToken stop)
    {
        while (!IsDone && !Words.MustStop && !Words.MustLeave)
        {
            TrainEpoch(step, guard, tally);
            if (_run.StepInEpoch == _data.StepsPerEpoch && !Words.MustLeave && !FinishEpoch(tally, stop)) break;
        }
        if (!IsDone && !Words.MustStop) return null;
        if (IsSpeaker)
        {
            SaveUnlessSaved();
            FinishSaving(stop);
        }
        // The others stay until it is on disk: should the writer die, one of them writes it.
        _group?.Collective?.Barrier(new OperationName("last checkpoint", _run.Step)).Wait();
        if (!IsDone) return TrialEnd.Stopped;
        try
        {
            Last = WithFinalWeights(() => Evaluate(LastPart, stop));
            return TrialEnd.Finished;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested || Words.MustStop)
        {
            return TrialEnd.Stopped;   // its checkpoint says that only the last evaluation is left
        }
    }

    /// <summary>The unfinished step never happened; all else stays, for the next group.</summary>
    private void Lose(PeerLostException lost, EpochTally tally)
    {
        var group = _group;
        if (_state is not null && _clock is { } clock && _run.StepInEpoch > 0 && _run.StepInEpoch < _data.StepsPerEpoch) _run = WithSums(tally, clock);
        if (group is not null) _isFirstSurvivor = Enumerable.Range(0, group.Position).All(lost.SilentPeers.Contains);
        group?.Collective?.Abort(lost.Message);
        _observer.OnLog(lost.Message);
        _ranks.Lost(lost, _state?.Step ?? -1);
    }

    private void Leave(TrainStep step)
    {
        step.Join(null);
        _group?.Dispose();
        _words?.Dispose();
        (_words, _timed, _group, _clock) = (null, null, null, null);
    }

    /// <summary>Told to stop while it waited for a group: what is in memory is written by one of those who have it.</summary>
    private TrialEnd EndWithoutGroup(CancellationToken stop)
    {
        if (_state is null) throw new OperationCanceledException(stop);
        if (_isFirstSurvivor)
        {
            _attempt = _ranks.Attempt;
            SaveUnlessSaved();
            FinishSaving(stop);
        }
        return TrialEnd.Stopped;
    }

    private void TrainEpoch(TrainStep step, StepGuard guard, EpochTally tally)
    {
        var clock = _clock = new EpochClock(_time, tally, _run);
        // The data's own token stays silent: a step that has begun gets its batches.
        using var parts = _data.TrainEpoch(_run.Epoch, _run.StepInEpoch, step.Shards, CancellationToken.None).GetEnumerator();
        while (_run.StepInEpoch < _data.StepsPerEpoch && !Words.MustStop && !Words.MustLeave)
        {
            Words.Begin(_run.Step, _computeSeconds);
            var began = _time.GetTimestamp();
            step.Run(parts, _run.Step, _run.Epoch, LearningRate(_run.StepInEpoch));
            if (_timed is not null) _computeSeconds = (_time.GetElapsedTime(began) - _timed.TakeWaited()).TotalSeconds;
            _run = _run with { Step = _run.Step + 1, StepInEpoch = _run.StepInEpoch + 1, OptimizerSteps = _optimizer.StepCount };
            _observer.OnStep(_run.Step);
            Words.End();
            WatchPaces();
            if (_run.Step % StepsBetweenTrims == 0) ProcessSettings.TrimMemory();
            // The first step at once: it says that training goes on again.
            if (clock.SinceProgress >= ProgressEvery || _run.Step == _startStep + 1) Report(clock);
            if (IsDueByStep) Checkpoint(guard, tally, clock);
        }
        guard.Check();
        Report(clock);
        _run = WithSums(tally, clock);
        _clock = null;
    }

    private void WatchPaces()
    {
        if (_stragglers is null || _group is null) return;
        foreach (var position in _stragglers.Add(Words.ComputeSeconds))
        {
            if (!IsSpeaker) continue;
            var (member, pace) = (_group.Members[position], _stragglers.Paces[position]);
            _observer.OnLog($"rank {member.Rank} on {member.Machine} ({member.Host}) holds the others up: {pace.Seconds * 1000:0} ms a step, {pace.StragglerScore:0.0} times the median, for {StragglerWatch.WarnAfterSteps} steps.");
        }
    }

    // At an epoch's end the checkpoint waits for the evaluation.
    private bool IsDueByStep => _spec.Checkpoint.EverySteps > 0 && _run.Step % _spec.Checkpoint.EverySteps == 0 && _run.StepInEpoch < _data.StepsPerEpoch;

    private double LearningRate(int stepInEpoch) => LearningRateSchedules.At(
        _spec.Train.Schedule, _spec.Train.Optimizer.Lr, _spec.Train.Epochs, _run.Epoch, stepInEpoch, _data.StepsPerEpoch);

    /// <returns>false: stopped before the evaluation was complete; the epoch is not.</returns>
    private bool FinishEpoch(EpochTally tally, CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        Evaluation? validation = null;
        try
        {
            if (_data.ValidationImages > 0) validation = _model.WithReportedWeights(() => Evaluate(DataPart.Validation, stop)).Evaluation;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested || Words.MustStop)
        {
            return false;
        }
        var epoch = new EpochMetrics
        {
            Epoch = _run.Epoch + 1,
            Step = _run.Step,
            LearningRate = LearningRate(_data.StepsPerEpoch - 1),
            TrainLoss = _run.EpochLossSum / _run.EpochImages,
            TrainAccuracy = _data.Input.MultiLabel ? null : _run.EpochHits / _run.EpochImages,
            Validation = validation,
            ImagesPerSecond = _run.EpochImages / Math.Max(_run.EpochSeconds, 1e-9),
        };
        _run = _run with
        {
            Epoch = epoch.Epoch, StepInEpoch = 0, EpochLossSum = 0, EpochHits = 0, EpochImages = 0, EpochSeconds = 0,
            Epochs = _run.Epochs.Add(epoch),
            TrainSeconds = _run.TrainSeconds + _time.GetElapsedTime(started).TotalSeconds,
        };
        tally.Set(0, 0, 0);
        KeepIfBest(epoch);
        _observer.OnEpoch(epoch);
        if (IsSpeaker && (IsDone || (_spec.Checkpoint.EveryEpochs > 0 && _run.Epoch % _spec.Checkpoint.EveryEpochs == 0))) Save();
        if (IsOutOfPatience && _run.Epoch < _spec.Train.Epochs)
            _observer.OnLog($"Stopping early: {_spec.Objective.Metric} has not improved for {_spec.Train.PatienceEpochs} epochs (best: epoch {_run.BestEpoch}).");
        return true;
    }

    private MeasuredEvaluation Evaluate(DataPart part, CancellationToken stop)
    {
        var share = _group?.Collective is { } collective ? new EvaluationShare(collective, Words) : null;
        return Evaluator.Run(new(_model.Network, _spec.Train.Model, _place), _data, part, EvaluationBatch.Size(_spec), _spec.Seed, share, stop);
    }

    // Without a test set the costs of a spiking network still need its firing rates on some images.
    private DataPart LastPart => _data.TestImages > 0 ? DataPart.Test : _data.ValidationImages > 0 ? DataPart.Validation : DataPart.Train;

    /// <summary>The best epoch's weights where there is a validation part, else the last; put back after: a group that breaks now still hands on the run's own.</summary>
    private MeasuredEvaluation WithFinalWeights(Func<MeasuredEvaluation> evaluate) =>
        _run.BestEpoch > 0 && _run.BestEpoch != _run.Epoch ? _model.WithWeights(() => _best.Apply(_model), evaluate) : _model.WithReportedWeights(evaluate);

    private void KeepIfBest(EpochMetrics epoch)
    {
        if (ObjectiveValue.Of(_spec.Objective, epoch) is not { } value || !ObjectiveValue.IsBetter(_spec.Objective, value, _run.BestValue)) return;
        _writer.WaitUntilIdle();   // a checkpoint under way may still be reading the memory of the best weights before these
        _best.Keep(_model);
        _run = _run with { BestEpoch = epoch.Epoch, BestValue = value };
    }

    private void Checkpoint(StepGuard guard, EpochTally tally, EpochClock clock)
    {
        guard.Check();
        _run = WithSums(tally, clock);
        if (IsSpeaker) Save();   // the others go on
    }

    private void SaveUnlessSaved()
    {
        if (_saved != (_attempt, _run.Step, _run.Epoch)) Save();
    }

    /// <summary>
    /// With the last checkpoint refused, hours of training would end as a failure because a disk was full for a moment: it is written again until
    /// the store takes it. A stop has no such time, and a store may never come back.
    /// </summary>
    private void FinishSaving(CancellationToken stop)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                _writer.Finish();
                return;
            }
            catch (CheckpointWriteException) when (IsDone && !stop.IsCancellationRequested && _time.GetElapsedTime(began) < LastSavePatience)
            {
                stop.WaitHandle.WaitOne(LastSavePause);
                Save();
            }
        }
    }

    private void Save()
    {
        _writer.WaitUntilIdle();
        var state = new StateFile(_run, _spec, CanonicalJson.Sha256(_spec), _data.Description.Digest, _fingerprint, _baseDirectory);
        var newest = _run.Epochs.IsEmpty ? null : ObjectiveValue.Of(_spec.Objective, _run.Epochs[^1]);
        _writer.Submit(_checkpoints.Snapshot(state, _attempt, newest));
        _saved = (_attempt, _run.Step, _run.Epoch);
    }

    private RunState WithSums(EpochTally tally, EpochClock clock)
    {
        var (lossSum, hits) = tally.Read();
        var seconds = clock.TakeSeconds();
        return _run with
        {
            EpochLossSum = lossSum, EpochHits = hits, EpochImages = tally.Images,
            EpochSeconds = _run.EpochSeconds + seconds, TrainSeconds = _run.TrainSeconds + seconds,
        };
    }

    private void Report(EpochClock clock)
    {
        if (clock.TakeProgress() is not { } progress) return;
        if (_stragglers is not null) _observer.OnPaces(_stragglers.Paces);
        _observer.OnProgress(_run.Epoch, _spec.Train.Epochs, _run.Step, TotalSteps, progress.Loss, progress.ImagesPerSecond);
    }
}

/// <summary>How large an evaluation batch is. Part of the numbers only in the last bits of sums, so it follows from the configuration alone.</summary>
internal static class EvaluationBatch
{
    // Large enough that per-batch costs do not show, small enough for the memory of a step that keeps no activations.
    private const int Largest = 256;

    public static int Size(TrialSpec spec) => Math.Min(Largest, spec.Train.GlobalBatchSize);
}

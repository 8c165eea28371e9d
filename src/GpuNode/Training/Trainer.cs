using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Cli;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training.Optimizers;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Training;

/// <summary>The main path: epochs of steps, each epoch followed by an evaluation and, when due, a checkpoint.</summary>
/// <remarks>A request to stop is looked at between steps and inside evaluations; the step under way is finished first.</remarks>
internal sealed class Trainer
{
    // glibc keeps what a step freed for the next (ProcessSettings) and fragments unless it is told to let go (DESIGN §12).
    private const int StepsBetweenTrims = 32;

    /// <summary>For a person who reads the alert, or whatever fills the disk, to make room.</summary>
    private static readonly TimeSpan LastSavePatience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LastSavePause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(0.5);

    private readonly TrialSpec _spec;
    private readonly int _attempt;
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
    private readonly int[] _shards;

    private RunState _run;
    private long _startStep;
    private (long Step, int Epoch)? _saved;

    public Trainer(TrialSpec spec, int attempt, ITrainingData data, TrainingModel model, FlatOptimizer optimizer, ComputePlace place,
        RunCheckpoints checkpoints, BackgroundCheckpointWriter writer, BestWeights best, RunState start, string fingerprint, string baseDirectory, ITrialObserver observer, TimeProvider time)
    {
        (_spec, _attempt, _data, _model, _optimizer, _place) = (spec, attempt, data, model, optimizer, place);
        (_checkpoints, _writer, _best, _run, _fingerprint, _baseDirectory, _observer, _time) = (checkpoints, writer, best, start, fingerprint, baseDirectory, observer, time);
        _shards = [.. Enumerable.Range(0, spec.Resources.Ranks)];
    }

    /// <summary>As of the last completed step.</summary>
    public RunState State => _run;

    private bool IsOutOfPatience => _spec.Train.PatienceEpochs > 0 && _run.BestEpoch > 0 && _run.Epoch - _run.BestEpoch >= _spec.Train.PatienceEpochs;

    private bool IsDone => _run.StepInEpoch == 0 && (_run.Epoch >= _spec.Train.Epochs || IsOutOfPatience);

    private long TotalSteps => (long)_data.StepsPerEpoch * _spec.Train.Epochs;

    /// <summary>Trains to the end, or to a request to stop. Either way a checkpoint of the last completed step is on disk when it returns.</summary>
    /// <exception cref="NonFiniteStepException">The trial has failed.</exception>
    /// <exception cref="CheckpointWriteException">The last checkpoint could not be written.</exception>
    public TrialEnd Run(CancellationToken stop)
    {
        using var guard = new StepGuard(_place.Device);
        using var tally = new EpochTally(_place.Device);
        using var step = new TrainStep(_spec, _data.Input, _model, _optimizer, _place, guard, tally);
        tally.Set(_run.EpochLossSum, _run.EpochHits, _run.EpochImages);
        _model.Network.train();
        _startStep = _run.Step;
        _observer.OnResumed(_startStep);
        while (!IsDone && !stop.IsCancellationRequested)
        {
            TrainEpoch(step, guard, tally, stop);
            if (_run.StepInEpoch == _data.StepsPerEpoch && !FinishEpoch(tally, stop)) break;
        }
        SaveUnlessSaved();
        FinishSaving(stop);
        return IsDone ? TrialEnd.Finished : TrialEnd.Stopped;
    }

    private void TrainEpoch(TrainStep step, StepGuard guard, EpochTally tally, CancellationToken stop)
    {
        var clock = new EpochClock(_time, tally, _run);
        // The data's own token stays silent: a step that has begun gets its batches.
        using var parts = _data.TrainEpoch(_run.Epoch, _run.StepInEpoch, _shards, CancellationToken.None).GetEnumerator();
        while (_run.StepInEpoch < _data.StepsPerEpoch && !stop.IsCancellationRequested)
        {
            step.Run(parts, _run.Step, _run.Epoch, LearningRate(_run.StepInEpoch));
            _run = _run with { Step = _run.Step + 1, StepInEpoch = _run.StepInEpoch + 1, OptimizerSteps = _optimizer.StepCount };
            _observer.OnStep(_run.Step);
            if (_run.Step % StepsBetweenTrims == 0) ProcessSettings.TrimMemory();
            // The first step at once: it says that training goes on again.
            if (clock.SinceProgress >= ProgressEvery || _run.Step == _startStep + 1) Report(clock);
            if (IsDueByStep) Checkpoint(guard, tally, clock);
        }
        guard.Check();
        Report(clock);
        _run = WithSums(tally, clock);
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
            if (_data.ValidationImages > 0) validation = _model.WithReportedWeights(() => Evaluate(DataPart.Validation, stop));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
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
        if (IsDone || (_spec.Checkpoint.EveryEpochs > 0 && _run.Epoch % _spec.Checkpoint.EveryEpochs == 0)) Save();
        if (IsOutOfPatience && _run.Epoch < _spec.Train.Epochs)
            _observer.OnLog($"Stopping early: {_spec.Objective.Metric} has not improved for {_spec.Train.PatienceEpochs} epochs (best: epoch {_run.BestEpoch}).");
        return true;
    }

    private Evaluation Evaluate(DataPart part, CancellationToken stop) =>
        Evaluator.Run(new(_model.Network, _spec.Train.Model, _place), _data, part, EvaluationBatch.Size(_spec), _spec.Seed, stop).Evaluation;

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
        Save();
    }

    private void SaveUnlessSaved()
    {
        if (_saved != (_run.Step, _run.Epoch)) Save();
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
        _saved = (_run.Step, _run.Epoch);
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

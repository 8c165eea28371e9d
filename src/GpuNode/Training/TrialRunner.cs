using System.Security.Cryptography;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Data;
using Volley.GpuNode.Profiling;
using Volley.GpuNode.Training.Groups;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared;
using Volley.Shared.Checkpoints;
using Volley.Shared.Config;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>What a caller decides about one run of a trial, beside its configuration.</summary>
public sealed record TrialRunOptions
{
    /// <summary>Newest first; damaged ones are skipped with a line in the log. Empty: from the beginning.</summary>
    public IReadOnlyList<ResumeSource> ResumeFrom { get; init; } = [];

    /// <summary>Delete superfluous checkpoints here. Under a coordinator its journal decides instead.</summary>
    public bool RetiresCheckpoints { get; init; }

    /// <summary>A checkpoint of a run with fewer epochs may be gone on from: the sweep was extended.</summary>
    public bool MayTrainLonger { get; init; }

    /// <summary>What is spent on measuring inference latency at the end.</summary>
    public TimeSpan LatencyBudget { get; init; } = LatencyMeter.TrialBudget;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>Runs one trial in this process: opens data, builds or restores the model, trains, evaluates what is reported.</summary>
/// <remarks>Call it on a thread of its own that runs nothing else: torch's random generator, dispose scopes and thread count are global to it.</remarks>
public static class TrialRunner
{
    /// <param name="attempt">Names the checkpoints; rises with every start of the trial.</param>
    /// <param name="stopRequested">Finishes the step under way, writes a checkpoint, returns <see cref="TrialEnd.Stopped"/>.</param>
    /// <exception cref="UserErrorException">Bad configuration, data or checkpoints; a disk that refuses the last checkpoint.</exception>
    /// <exception cref="NonFiniteStepException">The trial has failed.</exception>
    public static TrialRunResult Run(
        TrialSpec spec, int attempt, TrialDirectories directories, TrialRunOptions options, ITrialObserver observer, CancellationToken stopRequested)
    {
        using var data = TrainingData.Open(spec, directories, stopRequested);
        return Run(spec, attempt, directories, options, data, observer, stopRequested);
    }

    /// <summary>One of several ranks.</summary>
    /// <returns>Finished without an outcome where another rank gives it.</returns>
    internal static TrialRunResult Run(
        TrialSpec spec, ITrialRanks ranks, TrialDirectories directories, TrialRunOptions options, ITrialObserver observer, CancellationToken stopRequested)
    {
        using var data = TrainingData.Open(spec, directories, stopRequested);
        return Run(spec, ranks, directories, options, data, observer, stopRequested);
    }

    /// <param name="data">Opened by the caller, who keeps it.</param>
    internal static TrialRunResult Run(
        TrialSpec spec, int attempt, TrialDirectories directories, TrialRunOptions options, ITrainingData data, ITrialObserver observer, CancellationToken stopRequested) =>
        Run(spec, new LoneRank(attempt), directories, options, data, observer, stopRequested);

    internal static TrialRunResult Run(
        TrialSpec spec, ITrialRanks ranks, TrialDirectories directories, TrialRunOptions options, ITrainingData data, ITrialObserver observer, CancellationToken stopRequested)
    {
        observer.OnData(data.Description);
        var place = TrainingPlace.Choose(spec);
        set_num_threads(spec.Resources.ThreadsPerRank);
        var fingerprint = NumericsFingerprint.Of(place.Device);
        var store = new CheckpointStore(directories.CheckpointRoot);

        using var scope = NewDisposeScope();
        using var model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, data.Input, spec.Seed), place, spec.Train.EmaDecay);
        using var optimizer = FlatOptimizer.Create(spec.Train.Optimizer, model.Parameters, model.Network.NeverDecayed);
        var best = new BestWeights();
        var checkpoints = new RunCheckpoints(model, optimizer, best);
        // Only where no rank has anything in memory: then no other one of the trial is writing.
        RunState Begin(IReadOnlyList<ResumeSource>? newer)
        {
            if (store.DeleteLeftovers() is > 0 and var leftovers) observer.OnLog($"{store.Root}: removed {leftovers} unfinished checkpoints.");
            return Restore(spec, newer is null ? options : options with { ResumeFrom = newer }, data, checkpoints, fingerprint, observer);
        }

        using var writer = new BackgroundCheckpointWriter(store.Write, written => Written(written, store, spec, options, observer), refused => observer.OnCheckpointProblem(refused.Message));
        var trainer = new Trainer(spec, ranks, data, model, optimizer, place, checkpoints, writer, best, Begin, fingerprint, directories.BaseDirectory, observer, options.Time);
        var end = trainer.Run(stopRequested);
        if (end == TrialEnd.Stopped) return new TrialRunResult(TrialEnd.Stopped, null, writer.Last);
        var outcome = trainer.IsSpeaker ? Outcome(spec, data, model, best, trainer.Last!, trainer.State, store, writer.Last!, fingerprint, options) : null;
        return new TrialRunResult(TrialEnd.Finished, outcome, writer.Last);
    }

    private static RunState Restore(TrialSpec spec, TrialRunOptions options, ITrainingData data, RunCheckpoints checkpoints, string fingerprint, ITrialObserver observer)
    {
        if (options.ResumeFrom.Count == 0) return new RunState();
        using var opened = CheckpointReader.OpenNewestValid(options.ResumeFrom, observer.OnCheckpointProblem);
        var saved = StateFile.Parse(opened.State, opened.StatePath);
        ResumeRules.RequireSameRun(saved, spec, data.Description.Digest, opened.StatePath, options.MayTrainLonger);
        foreach (var change in ResumeRules.Changes(saved, spec, fingerprint)) observer.OnLog(change);
        checkpoints.Restore(opened, saved.Run);
        observer.OnLog($"Resuming from {opened.Directory}: step {saved.Run.Step}, epoch {saved.Run.Epoch}.");
        return saved.Run;
    }

    private static void Written(WrittenCheckpoint written, CheckpointStore store, TrialSpec spec, TrialRunOptions options, ITrialObserver observer)
    {
        observer.OnCheckpoint(written);
        if (!options.RetiresCheckpoints) return;
        try
        {
            store.Retire(spec.Checkpoint.KeepLast, spec.Checkpoint.KeepBest, spec.Objective.IsMaximized);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            observer.OnLog($"{store.Root}: a superfluous checkpoint could not be deleted ({wrong.Message}).");
        }
    }

    /// <summary>What the trial reports: the best epoch's weights where there is a validation part, else the last. The test set is touched here and nowhere else.</summary>
    private static TrialOutcome Outcome(
        TrialSpec spec, ITrainingData data, TrainingModel model, BestWeights best, MeasuredEvaluation last, RunState run,
        CheckpointStore store, WrittenCheckpoint checkpoint, string fingerprint, TrialRunOptions options)
    {
        var bestEpoch = run.BestEpoch > 0 ? run.BestEpoch : run.Epoch;
        if (bestEpoch != run.Epoch) best.Apply(model);
        else model.UseReportedWeights();
        var validation = run.Epochs.IsEmpty ? null : run.Epochs[bestEpoch - 1].Validation;
        return new TrialOutcome
        {
            Epochs = run.Epochs,
            Validation = validation,
            Test = data.TestImages > 0 ? last.Evaluation : null,
            Data = data.Description,
            BestEpoch = bestEpoch,
            Cost = ModelProfiler.Cost(model.Network, spec.Train.Model, data.Input, last.Activity),
            Latency = LatencyMeter.Measure(model.Network, data.Input, budget: options.LatencyBudget, clock: options.Time),
            WeightsSha256 = FinalWeightsSha256(store, checkpoint),
            NumericsFingerprint = fingerprint,
            TrainSeconds = run.TrainSeconds,
        };
    }

    private static string FinalWeightsSha256(CheckpointStore store, WrittenCheckpoint last)
    {
        var path = Path.Combine(store.Root, last.RelativePath, CheckpointManifest.FileName);
        var json = File.ReadAllBytes(path);
        if (Convert.ToHexStringLower(SHA256.HashData(json)) != last.ManifestSha256) throw new UserErrorException($"{path}: was changed by another program while the trial ran.");
        return CheckpointManifest.Parse(json, path).Files.Single(file => file.Name == CheckpointFiles.Model).Sha256;
    }
}

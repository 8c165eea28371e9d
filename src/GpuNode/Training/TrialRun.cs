using Volley.GpuNode.Training.Groups;
using Volley.Shared.Results;

namespace Volley.GpuNode.Training;

/// <summary>Where a trial's process works. All absolute.</summary>
/// <param name="CheckpointRoot">Holds <c>&lt;step&gt;.a&lt;attempt&gt;/</c> directories of this trial.</param>
/// <param name="DataRoot">Cache of prepared data sets.</param>
/// <param name="BaseDirectory">What relative paths of the specification are relative to (the sweep file's folder).</param>
public sealed record TrialDirectories(string CheckpointRoot, string DataRoot, string BaseDirectory);

/// <summary>A checkpoint that is complete on disk. It exists for others when the coordinator has journaled it.</summary>
public sealed record WrittenCheckpoint(int Attempt, long Step, int Epoch, string RelativePath, string ManifestSha256, double? ObjectiveValue, long Bytes);

/// <summary>Told by the training thread what happens. Implementations return at once and never throw.</summary>
public interface ITrialObserver
{
    /// <summary>Before anything else.</summary>
    void OnData(DataDescription data) { }

    /// <summary>A checkpoint could not be written, or one not be read: training goes on. Also from the writer's thread.</summary>
    void OnCheckpointProblem(string problem) => OnLog(problem);

    /// <summary>A group of ranks stands: what follows belongs to this attempt. Not called for a run without a coordinator.</summary>
    /// <param name="position">0: this rank writes the checkpoints and gives the outcome.</param>
    void OnGroup(int attempt, int position, int worldSize) { }

    /// <summary>How fast each rank of the group computes, by position; before the progress that it belongs to.</summary>
    void OnPaces(IReadOnlyList<RankPace> paces) { }

    /// <param name="step">Completed steps of the whole run, before the first one of this attempt. Again for each group.</param>
    void OnResumed(long step) { }

    /// <summary>After each completed step: cheap.</summary>
    void OnStep(long step) { }

    /// <param name="epoch">Epoch under way, from 0. <paramref name="step"/>: completed optimizer steps in the whole run.</param>
    void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond);

    void OnEpoch(EpochMetrics epoch);

    /// <summary>On the writer's thread, after the rename and the fsync of the parent.</summary>
    void OnCheckpoint(WrittenCheckpoint checkpoint);

    void OnLog(string line);
}

/// <summary>How a run ended.</summary>
public enum TrialEnd { Finished, Stopped }

/// <summary><see cref="TrialEnd.Stopped"/>: a checkpoint at the last completed step was written first. Outcome: only when finished.</summary>
public sealed record TrialRunResult(TrialEnd End, TrialOutcome? Outcome, WrittenCheckpoint? LastCheckpoint);

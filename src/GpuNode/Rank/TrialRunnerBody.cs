using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Training;
using Volley.Shared.Config;

namespace Volley.GpuNode.Rank;

/// <summary>From StartTrial to the trainer.</summary>
/// <param name="ranks">Forms the groups of a trial with several shards; not called for others.</param>
/// <param name="device">cpu or cuda: where the specification says auto, the agent has resolved it.</param>
internal sealed class TrialRunnerBody(int attempt, string device, Func<StartTrial, int, GroupMembership> ranks)
{
    public TrialRunResult Run(StartTrial start, ITrialObserver observer, CancellationToken stop)
    {
        var spec = ConfigJson.Deserialize(start.SpecJson);
        if (spec.Resources.Device == "auto") spec = spec with { Resources = spec.Resources with { Device = device } };
        var directories = new TrialDirectories(start.CheckpointRoot, start.DataRoot, start.BaseDirectory);
        var options = new TrialRunOptions
        {
            MayTrainLonger = true,
            ResumeFrom = [.. start.ResumeFrom.Select(checkpoint => new ResumeSource(Path.Combine(start.CheckpointRoot, checkpoint.RelativePath), checkpoint.ManifestSha256))],
        };
        foreach (var problem in start.CheckpointProblems) observer.OnCheckpointProblem(problem);
        if (spec.Resources.Ranks == 1) return TrialRunner.Run(spec, attempt, directories, options, observer, stop);
        using var membership = ranks(start, spec.Resources.Ranks);
        return TrialRunner.Run(spec, membership, directories, options, observer, stop);
    }
}

using System.Text;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What would only fail later, in a message that does not fit or a trial that cannot be made, is refused at submission.</summary>
internal static class SubmissionCheck
{
    /// <exception cref="UserErrorException">With everything that is wrong.</exception>
    public static SweepPlan Check(SweepSubmission submission)
    {
        foreach (var (what, path) in new[] { ("base directory", submission.BaseDirectory), ("checkpoint folder", submission.CheckpointRoot), ("data folder", submission.DataRoot) })
        {
            if (path.Length == 0) continue;      // the agents' own
            if (!Path.IsPathFullyQualified(path)) throw new UserErrorException($"The {what} is \"{path}\", must be an absolute path, or empty: each agent's own.");
            if (Encoding.UTF8.GetByteCount(path) > MessageLimits.PathBytes) throw new UserErrorException($"The {what} is longer than {MessageLimits.PathBytes} bytes.");
        }
        var plan = SweepPlanner.PlanChecked(submission);
        var first = plan.Search.Suggest(0, [])
            ?? throw new UserErrorException($"{submission.FileName}: the search has no trial at all: every distribution under train: needs at least one value.");
        var bytes = Encoding.UTF8.GetByteCount(ConfigJson.Serialize(TrialResolver.Resolve(plan.Spec, 0, first)));
        if (bytes > MessageLimits.SpecJsonBytes)
            throw new UserErrorException($"{submission.FileName}: the configuration of one trial has {bytes} bytes, at most {MessageLimits.SpecJsonBytes} travel: shorten its texts.");
        return plan;
    }
}

using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;

namespace Volley.Coordinator.Sweeps;

/// <summary>A submission → what its sweep does. Pure: the same text gives the same trials in the same order, after any restart.</summary>
internal static class SweepPlanner
{
    /// <summary>For text that was checked when it was submitted.</summary>
    /// <exception cref="ConfigException">The text cannot be used.</exception>
    public static SweepPlan Plan(SweepSubmission submission) => Plan(submission, Searches.Create);

    /// <summary>For new text: every trial that can be made now is tried.</summary>
    /// <exception cref="ConfigException">The text cannot be used.</exception>
    public static SweepPlan PlanChecked(SweepSubmission submission) => Plan(submission, Searches.CreateChecked);

    private static SweepPlan Plan(SweepSubmission submission, Func<SweepSpec, ISearch> search)
    {
        var spec = SweepFile.Parse(submission.Text, submission.FileName, submission.Overrides);
        return new SweepPlan(spec, search(spec));
    }
}

using Volley.Coordinator.Search;
using Volley.Shared.Config;

namespace Volley.Coordinator.Sweeps;

/// <summary>What extending a sweep means, in words, and whether it can be extended.</summary>
/// <remarks>
/// Every trial is trained in the same stages, whenever the sweep was extended and whichever trials had ended by then: first as the file
/// says, then on to the longer training, by its schedule. So the numbers do not depend on the moment at which somebody typed the command.
/// </remarks>
internal static class Extension
{
    /// <returns>Why the search cannot make so many trials, or null.</returns>
    public static string? WhyNot(SweepPlan plan, int trials)
    {
        if (trials <= plan.Search.Trials)
            return trials == plan.Search.Trials ? null : $"The search makes {plan.Search.Trials} trials already; say how many in all, at least that.";
        var longer = plan.WithTrials(trials);
        if (longer.Search.Trials < trials)
            return $"The {longer.Search.Algorithm} search has {longer.Search.Trials} trials and no more: its space has no other points.";
        try
        {
            Searches.RequireResolvable(longer.Spec, longer.Search, plan.Search.Trials);
            return null;
        }
        catch (ConfigException error)
        {
            return error.Message;
        }
    }

    /// <summary>For whoever extended it: longer training by a schedule that ends later is not the training that was planned.</summary>
    public static IEnumerable<string> Consequences(SweepState state)
    {
        var epochs = state.Stages[^1];
        yield return $"Finished trials go on from their newest checkpoint to {epochs} epochs in all; trials under way do when they get there, and trials still to be made are trained in the same stages.";
        var schedule = ScheduleOf(state);
        yield return schedule switch
        {
            "cosine" => $"Learning rate: the cosine is now that of {epochs} epochs. A trial that goes on finds the rate where that curve is, higher than where its own had ended: a warm restart. "
                + $"Its weights differ from those of {epochs} epochs in one go.",
            "step" => "Learning rate: the steps go on as they were; nothing changes but the length (a cool-down moves to the new end).",
            "constant" => "Learning rate: constant as before; nothing changes but the length (a cool-down moves to the new end).",
            _ => $"Learning rate: each trial follows its own schedule, stretched to {epochs} epochs; a cosine starts again from where that longer curve is.",
        };
        yield return "Trials that had stopped early, by patience_epochs, stay as they are.";
    }

    /// <returns>Of all trials, or empty where they differ or none was made.</returns>
    private static string ScheduleOf(SweepState state)
    {
        var names = state.Plan is { } plan && !SpacePoints.Distributions(plan.Spec.Space).Any(found => found.Key is "schedule" or "schedule.name") && state.Trials.Count > 0
            ? state.Trials[0].Spec.Train.Schedule.Name
            : "";
        return names;
    }
}

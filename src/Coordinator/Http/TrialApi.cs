using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Http;

/// <summary>Routes of trials.</summary>
internal static class TrialApi
{
    private static readonly string[] States = ["waiting", "starting", "running", "finished", "failed", "cancelled"];

    public static void MapTrials(this RouteGroupBuilder api)
    {
        api.MapGet("/sweeps/{id}/trials", ListAsync).WithQuery("after", "limit", "state");
        api.MapGet("/sweeps/{id}/trials/{trial:int}", LookAsync);
        api.MapGet("/sweeps/{id}/trials/{trial:int}/checkpoints", CheckpointsAsync);
        api.MapPost("/sweeps/{id}/trials/{trial:int}/retry", (string id, int trial, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(id, trial, new RetryTrial(trial), questions, stop));
        api.MapPost("/sweeps/{id}/trials/{trial:int}/kill", (string id, int trial, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(id, trial, new KillTrial(trial), questions, stop));
    }

    private static async Task<TrialPage> ListAsync(string id, int? after, int? limit, string? state, ApiQuestions questions, CancellationToken stop)
    {
        var count = Paging.Limit(limit);
        if (state is not null && !States.Contains(state))
            throw new ApiProblemException(StatusCodes.Status400BadRequest, "Invalid state", $"state is \"{ApiProblems.Shown(state)}\", must be one of {string.Join(", ", States)}.");
        var sweep = await questions.LookAsync(id, stop);
        var first = Math.Clamp((after ?? -1) + 1, 0, sweep.Trials.Count);
        // Of a rare state a page looks at no more trials than the largest page of all would: a request costs a page, whatever it looks for.
        var end = Math.Min(first + (state is null ? count : Paging.MaxLimit), sweep.Trials.Count);
        var rows = Enumerable.Range(first, end - first)
            .Where(number => state is null || TrialViewFactory.MayBe(state, sweep.Trials.PhaseOf(number)))
            .Select(number => TrialViewFactory.Row(sweep.Trials[number], sweep.Plan!.Spec.Objective))
            .Where(row => state is null || row.State == state)
            .Take(count).ToList();
        var last = rows.Count == count ? rows[^1].Number : end - 1;
        return new TrialPage(rows, last + 1 < sweep.Trials.Count ? last : null);
    }

    private static async Task<TrialView> LookAsync(string id, int trial, ApiQuestions questions, CancellationToken stop)
    {
        var (_, state) = await questions.TrialAsync(id, trial, stop);
        return TrialViewFactory.Whole(state, await questions.InventoryAsync(stop), questions.Now);
    }

    private static async Task<CheckpointPage> CheckpointsAsync(string id, int trial, ApiQuestions questions, CancellationToken stop)
    {
        var (sweep, state) = await questions.TrialAsync(id, trial, stop);
        return new CheckpointPage([.. state.Checkpoints.Select(checkpoint => TrialViewFactory.Of(checkpoint, sweep, trial))]);
    }

    private static async Task<SteerAnswer> SteerAsync(string id, int trial, PersonCommand command, ApiQuestions questions, CancellationToken stop)
    {
        _ = await questions.TrialAsync(id, trial, stop);      // a trial that does not exist is not a refusal
        return await SweepApi.SteerAsync(id, command, questions, stop);
    }
}

using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Http;

/// <summary>The HTTP API, version 1 (docs/http-api.md). Errors are problem+json.</summary>
internal static class SweepApi
{
    /// <summary>A sweep file has a few thousand bytes.</summary>
    public const long MaxBodyBytes = 4 << 20;

    public static void AddSweepApi(this IServiceCollection services)
    {
        services.AddProblemDetails(problems => problems.CustomizeProblemDetails = ApiProblems.Complete);
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);      // so that the answer says what is wrong with the body
        services.ConfigureHttpJsonOptions(options => ApiJson.Configure(options.SerializerOptions));
        services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = MaxBodyBytes);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ApiMetrics>();
        services.AddSingleton<ApiQuestions>();
    }

    /// <summary>Around everything that answers, here or at another coordinator: counted, and explained where it fails.</summary>
    public static void UseSweepApi(this WebApplication app)
    {
        app.UseApiMetrics();
        app.UseExceptionHandler(handler => handler.Run(ApiProblems.ExplainAsync));
        app.UseStatusCodePages();
    }

    public static void MapSweepApi(this WebApplication app)
    {
        var api = app.MapGroup("/api/v1").AddEndpointFilter(QueryNames.RefuseOthersAsync);
        api.MapSweeps();
        api.MapTrials();
        api.MapLogs();
        api.MapNodes();
    }

    private static void MapSweeps(this RouteGroupBuilder api)
    {
        api.MapGet("/sweeps", ListAsync).WithQuery("after", "limit");
        api.MapPost("/sweeps", SubmitApi.SubmitAsync);
        api.MapGet("/sweeps/{id}", LookAsync).WithQuery("changed_since", "limit");
        api.MapGet("/sweeps/{id}/results", ResultsAsync).WithQuery("after", "limit");
        api.MapGet("/sweeps/{id}/best", BestAsync);
        MapCommand(api, "pause", new PauseSweep());
        MapCommand(api, "resume", new ResumeSweep());
        MapCommand(api, "cancel", new CancelSweep());
        MapCommand(api, "retry", new RetryFailed());
        MapCommand(api, "repair", new RepairSweep());
        api.MapPost("/sweeps/{id}/extend", (string id, ExtendRequest request, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(id, new ExtendSweep(request.Epochs, request.Trials), questions, stop));
        api.MapPost("/sweeps/{id}/priority", (string id, PriorityRequest request, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(id, new SetPriority(request.Priority), questions, stop));
    }

    private static void MapCommand(RouteGroupBuilder api, string verb, PersonCommand command) =>
        api.MapPost($"/sweeps/{{id}}/{verb}", (string id, ApiQuestions questions, CancellationToken stop) => SteerAsync(id, command, questions, stop));

    private static async Task<SweepPage> ListAsync(string? after, int? limit, ApiQuestions questions, CancellationToken stop)
    {
        var all = (await questions.SweepsAsync(stop)).Select(sweep => sweep.Value).Order(StringComparer.Ordinal);
        var (page, hasMore) = Paging.Take(all.Where(name => after is null || string.CompareOrdinal(name, after) > 0), Paging.Limit(limit));
        var rows = await Task.WhenAll(page.Select(name => questions.RowAsync(new Shared.Identifiers.SweepId(name), stop)));
        return new SweepPage(rows, hasMore ? page[^1] : null);
    }

    private static async Task<SweepView> LookAsync(string id, long? changed_since, int? limit, ApiQuestions questions, CancellationToken stop)
    {
        var count = Paging.Limit(limit);
        var state = await questions.LookAsync(id, stop);
        return SweepViewFactory.Of(state, changed_since, count, await questions.InventoryAsync(stop), questions.Now);
    }

    public static async Task<SteerAnswer> SteerAsync(string id, PersonCommand command, ApiQuestions questions, CancellationToken stop)
    {
        var (state, notes) = await questions.SteerAsync(id, command, stop);
        return new SteerAnswer(notes, SweepViewFactory.Of(state, null, 0, await questions.InventoryAsync(stop), questions.Now));
    }

    /// <summary>The whole of it may be large: clients put the pages together and compute the digest.</summary>
    private static async Task<IResult> ResultsAsync(string id, int? after, int? limit, ApiQuestions questions, CancellationToken stop)
    {
        var count = Paging.Limit(limit);
        var state = await questions.LookAsync(id, stop);
        var first = Math.Clamp((after ?? -1) + 1, 0, state.Trials.Count);
        var end = Math.Min(first + count, state.Trials.Count);
        var page = SweepResults.Of(state.Plan!.Spec, Enumerable.Range(first, end - first).Select(number => SweepOutcome.Of(state.Trials[number]))) with { ResultsDigest = "" };
        return TypedResults.Json(new ResultsPage(page, end < state.Trials.Count ? end - 1 : null), ConfigJson.ReadableOptions);
    }

    private static async Task<BestView> BestAsync(string id, ApiQuestions questions, CancellationToken stop)
    {
        var state = await questions.LookAsync(id, stop);
        return SweepViewFactory.Best(state)
            ?? throw new ApiProblemException(StatusCodes.Status409Conflict, "No best trial yet", $"No trial of sweep {state.Id} has finished with a {state.Plan!.Spec.Objective.Metric} yet.");
    }
}

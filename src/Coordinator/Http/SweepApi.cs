using System.Text.Json;
using Akka.Actor;
using Akka.Hosting;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Sweeps;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Http;

/// <summary>The HTTP API, version 1. Errors are problem+json (RFC 9457).</summary>
internal static class SweepApi
{
    /// <summary>The manager answers in milliseconds; longer means that it is recovering or moving.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A sweep file has a few thousand bytes.</summary>
    private const long MaxBodyBytes = 4 << 20;

    public static void AddSweepApi(this IServiceCollection services)
    {
        services.AddProblemDetails();
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);      // so that the answer says what is wrong with the body
        services.ConfigureHttpJsonOptions(options => ApiJson.Configure(options.SerializerOptions));
        services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = MaxBodyBytes);
    }

    public static void MapSweepApi(this WebApplication app)
    {
        app.UseExceptionHandler(handler => handler.Run(ExplainAsync));
        app.UseStatusCodePages();
        var sweeps = app.MapGroup("/api/v1/sweeps");
        sweeps.MapGet("", ListAsync);
        sweeps.MapPost("", SubmitAsync);
        sweeps.MapGet("/{id}", LookAsync);
        sweeps.MapGet("/{id}/results", ResultsAsync);
        sweeps.MapPost("/{id}/pause", (string id, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) => SteerAsync(id, new PauseSweep(), manager, stop));
        sweeps.MapPost("/{id}/resume", (string id, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) => SteerAsync(id, new ResumeSweep(), manager, stop));
        sweeps.MapPost("/{id}/cancel", (string id, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) => SteerAsync(id, new CancelSweep(), manager, stop));
        sweeps.MapPost("/{id}/retry", (string id, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) => SteerAsync(id, new RetryFailed(), manager, stop));
        app.MapGet("/api/v1/nodes", NodesAsync);
    }

    private static async Task<IResult> ListAsync(IRequiredActor<SweepManagerActor> manager, CancellationToken stop) =>
        TypedResults.Ok((await AskAsync<SweepList>(manager, new ListSweeps(), stop)).Sweeps.Select(sweep => sweep.Value));

    private static async Task<IResult> SubmitAsync(SubmitRequest request, IRequiredActor<SweepManagerActor> manager, CancellationToken stop)
    {
        if (!SweepId.IsValid(request.Name)) return Problem(400, "Invalid name", $"\"{request.Name}\" must match [a-z0-9-]{{1,63}}.");
        var submission = new SweepSubmission(
            request.Name, request.FileName, request.Text, request.Overrides, request.BaseDirectory, request.CheckpointRoot, request.DataRoot);
        SubmissionCheck.Check(submission);
        return await AskAsync<object>(manager, new SubmitSweep(new SweepId(request.Name), submission), stop) switch
        {
            SweepAnswer { IsNew: true } answer => TypedResults.Created($"/api/v1/sweeps/{request.Name}", await ViewAsync(answer.State, 0, manager, stop)),
            SweepAnswer answer => TypedResults.Ok(await ViewAsync(answer.State, 0, manager, stop)),
            SubmissionConflict conflict => Problem(409, "Another sweep has this name",
                $"Sweep {conflict.Sweep} was made from {conflict.Existing.FileName} with other contents or settings."),
            SweepUnreadable unreadable => Unreadable(unreadable),
            var other => throw new InvalidOperationException($"{other.GetType().Name} is no answer to a submission."),
        };
    }

    private static async Task<IResult> LookAsync(string id, long? changed_since, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) =>
        await AnswerAsync(id, null, manager, async state => TypedResults.Ok(await ViewAsync(state, changed_since ?? -1, manager, stop)), stop);

    private static async Task<IResult> ResultsAsync(string id, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) =>
        await AnswerAsync(id, null, manager, state => Task.FromResult<IResult>(state.Plan is null ? Unknown(id) : TypedResults.Json(SweepOutcome.Of(state), ConfigJson.ReadableOptions)), stop);

    private static async Task<IResult> SteerAsync(string id, PersonCommand command, IRequiredActor<SweepManagerActor> manager, CancellationToken stop) =>
        await AnswerAsync(id, command, manager, async state => TypedResults.Ok(await ViewAsync(state, state.Version, manager, stop)), stop);

    private static async Task<IResult> AnswerAsync(string id, PersonCommand? command, IRequiredActor<SweepManagerActor> manager, Func<SweepState, Task<IResult>> show, CancellationToken stop) =>
        await AskAsync<object>(manager, new SteerSweep(new SweepId(id), command), stop) switch
        {
            SweepAnswer answer => await show(answer.State),
            SweepUnreadable unreadable => Unreadable(unreadable),
            SteerRefused refused => Problem(409, "Not possible now", refused.Reason),
            _ => Unknown(id),
        };

    private static async Task<IResult> NodesAsync(IRequiredActor<SweepManagerActor> manager, CancellationToken stop)
    {
        var inventory = (await AskAsync<InventoryAnswer>(manager, new GetInventory(), stop)).Inventory;
        return TypedResults.Ok(inventory.Nodes.Values.Select(node => new
        {
            Name = node.Id.Value,
            node.Registration.Host,
            node.Registration.HttpAddress,
            node.Registration.Slots,
            node.FreeSlots,
            node.Registration.ThreadsPerSlot,
            node.Registration.Device,
            node.Registration.MemoryBytes,
            node.Registration.NumericsFingerprint,
            node.IsReachable,
        }));
    }

    private static async Task<SweepView> ViewAsync(SweepState state, long changedSince, IRequiredActor<SweepManagerActor> manager, CancellationToken stop)
    {
        var inventory = (await AskAsync<InventoryAnswer>(manager, new GetInventory(), stop)).Inventory;
        return SweepViewFactory.Of(state, changedSince, inventory, TimeProvider.System.GetUtcNow());
    }

    private static async Task<T> AskAsync<T>(IRequiredActor<SweepManagerActor> manager, object question, CancellationToken stop) =>
        await (await manager.GetAsync(stop)).Ask<T>(question, AnswerTimeout, stop);

    private static ProblemHttpResult Unknown(string id) => Problem(404, "No such sweep", $"There is no sweep named \"{id}\"; GET /api/v1/sweeps lists them.");

    private static ProblemHttpResult Unreadable(SweepUnreadable sweep) =>
        Problem(500, "The sweep cannot be recovered", $"The journal of sweep \"{sweep.Sweep}\" cannot be replayed: {sweep.Reason} Use the version of Volley that wrote it.");

    private static ProblemHttpResult Problem(int status, string title, string detail) => TypedResults.Problem(detail, statusCode: status, title: title);

    private static Task ExplainAsync(HttpContext context)
    {
        var error = context.Features.Get<IExceptionHandlerFeature>()?.Error;
        var problem = error switch
        {
            ConfigException config => Problem(422, "The sweep file cannot be used", config.Message),
            UserErrorException user => Problem(422, "Bad input", user.Message),
            AskTimeoutException => Problem(503, "The coordinator does not answer",
                context.RequestServices.GetRequiredService<JournalHealth>().Problem ?? $"No answer within {AnswerTimeout.TotalSeconds:0} s: it may be recovering. Try again."),
            BadHttpRequestException bad => Problem(bad.StatusCode, "Bad request", bad.InnerException is JsonException json ? json.Message : bad.Message),
            _ => Problem(500, "Internal error", "The coordinator's log says more."),
        };
        return problem.ExecuteAsync(context);
    }
}

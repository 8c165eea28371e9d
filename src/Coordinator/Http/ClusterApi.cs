using Akka.Actor;
using Akka.Hosting;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Journal;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Http;

/// <summary>What every coordinator answers for itself: the cluster it belongs to, and whether it works.</summary>
internal static class ClusterApi
{
    // The manager answers in milliseconds; a probe asks every few seconds.
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(2);

    private static readonly string[] Paths = [ClusterView.Path, "/healthz", "/readyz", "/metrics"];

    /// <summary>Answered here; everything else is the leader's.</summary>
    public static bool IsOwn(PathString path) => Paths.Any(own => path.Equals(own, StringComparison.Ordinal));

    public static void MapClusterApi(this WebApplication app, Func<ClusterView> view)
    {
        app.MapGet("/healthz", () => TypedResults.Ok(new { status = "ok", version = CoordinatorHost.Version }));
        app.MapGet("/readyz", ReadyAsync);
        app.MapGet(ClusterView.Path, () => TypedResults.Json(view(), ClusterView.Json));
    }

    private static async Task<IResult> ReadyAsync(Leadership leadership, JournalHealth health, IJournalStore journal, IRequiredActor<SweepManagerActor> manager, CancellationToken stop)
    {
        var leader = leadership.Leader;
        var reason = health.Problem ?? await ProbeAsync(journal, stop);
        if (reason is null)
        {
            if (leader is null) reason = "This coordinator has not joined the others yet: two of three must be up before one acts.";
            else if (!leadership.IsHere) reason = leadership.IsReachable(leader) ? null : $"The coordinator in charge, {leader.Address.Host}:{leader.Address.Port}, is not reachable; another takes over within 20 s.";
            else if (!await AnswersAsync(manager, stop)) reason = "The sweeps are being recovered from the journal.";
        }
        var role = leadership.IsHere ? "leader" : "standby";
        return reason is null
            ? TypedResults.Ok(new { status = "ready", role })
            : TypedResults.Json(new { status = "not ready", role, reason }, statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<string?> ProbeAsync(IJournalStore journal, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(ReadyTimeout);
        try
        {
            await journal.ProbeAsync(limit.Token);
            return null;
        }
        catch (Exception error) when (JournalFailure.IsOfStorage(error) || (error is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return $"The journal ({journal.Description}) cannot be used: {(error is OperationCanceledException ? "it does not answer." : JournalFailure.Explain(error))}";
        }
    }

    private static async Task<bool> AnswersAsync(IRequiredActor<SweepManagerActor> manager, CancellationToken stop)
    {
        try
        {
            await (await manager.GetAsync(stop)).Ask<SweepList>(new ListSweeps(), ReadyTimeout, stop);
            return true;
        }
        catch (AskTimeoutException)
        {
            return false;
        }
    }
}

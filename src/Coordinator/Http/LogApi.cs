using System.Globalization;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Http;

/// <summary>A trial's log, passed through from the agent that has it: clients need to reach the coordinator only.</summary>
internal static class LogApi
{
    /// <summary>Says of an answer that it is what the coordinator itself remembers: the last lines of an attempt that failed.</summary>
    public const string ExcerptHeader = "volley-log-excerpt";

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(3) });

    public static void MapLogs(this RouteGroupBuilder api) => api.MapGet("/sweeps/{id}/trials/{trial:int}/logs", CopyAsync).WithQuery("attempt", "rank", "follow");

    private static async Task CopyAsync(string id, int trial, int? attempt, int? rank, bool? follow, ApiQuestions questions, HttpContext context, CancellationToken stop)
    {
        var (sweep, state) = await questions.TrialAsync(id, trial, stop);
        var (wanted, wantedRank) = (attempt ?? state.Attempt, rank ?? 0);
        if (NodeOf(state, wanted, wantedRank) is not { } node)
            throw new ApiProblemException(StatusCodes.Status404NotFound, "No such log", state.Attempt == 0
                ? $"{sweep.IdOf(trial)} has not run yet."
                : $"{sweep.IdOf(trial)} has no attempt {wanted} with a rank {wantedRank} that is still known; its newest attempt is {state.Attempt}.");

        var registration = (await questions.InventoryAsync(stop)).Find(node)?.Registration;
        try
        {
            if (registration is not { HttpAddress.Length: > 0 }) throw new HttpRequestException("it is not in the cluster, or serves no logs");
            var query = string.Create(CultureInfo.InvariantCulture, $"attempt={wanted}&rank={wantedRank}{(follow == true ? "&follow=true" : "")}");
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{registration.HttpAddress}/logs/{sweep.Id}/{trial}?{query}");
            using var answer = await Http.SendAsync(request, stop);
            if (answer.StatusCode == System.Net.HttpStatusCode.NotFound)
                throw new ApiProblemException(StatusCodes.Status404NotFound, "No such log", $"Node {node} has no log of {sweep.IdOf(trial)} attempt {wanted} rank {wantedRank} (yet).");
            answer.EnsureSuccessStatusCode();
            context.Response.ContentType = "text/plain; charset=utf-8";
            await using var lines = await answer.Content.ReadAsStreamAsync(stop);
            await context.Response.StartAsync(stop);
            await lines.CopyToAsync(context.Response.Body, stop);
        }
        catch (Exception lost) when (lost is HttpRequestException or IOException)
        {
            // A log that breaks off must not look like one that ends.
            if (context.Response.HasStarted) context.Abort();
            else await ExcerptAsync(sweep.IdOf(trial), state, node, lost.GetBaseException().Message, context, stop);
        }
    }

    private static async Task ExcerptAsync(TrialId id, TrialState trial, NodeId node, string reason, HttpContext context, CancellationToken stop)
    {
        if (trial.LastLogLines.IsEmpty)
            throw new ApiProblemException(StatusCodes.Status502BadGateway, "The node does not answer", $"The log of {id} is on node {node}, which cannot be asked: {reason}.");
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers[ExcerptHeader] = node.Value;
        foreach (var line in trial.LastLogLines) await context.Response.WriteAsync(line + "\n", stop);
    }

    /// <returns>Where that rank of that attempt runs or ran; of attempts that are over only rank 0's machine is kept.</returns>
    private static NodeId? NodeOf(TrialState trial, int attempt, int rank)
    {
        if (attempt == trial.Attempt && trial.Members.FirstOrDefault(member => member.Rank == rank) is { } member) return member.Node;
        var past = attempt == trial.Attempt ? trial.Node : PastAttempt.AllOf(trial).FirstOrDefault(other => other.Attempt == attempt)?.Node;
        return string.IsNullOrEmpty(past) ? null : new NodeId(past);
    }
}

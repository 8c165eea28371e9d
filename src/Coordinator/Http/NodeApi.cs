using Volley.Coordinator.Actors;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Http;

/// <summary>Routes of nodes.</summary>
internal static class NodeApi
{
    public static void MapNodes(this RouteGroupBuilder api)
    {
        api.MapGet("/nodes", ListAsync).WithQuery("after", "limit");
        api.MapPost("/nodes/{name}/drain", (string name, ReasonRequest? request, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(name, node => new DrainNode(node, ReasonOf(request)), questions, stop));
        api.MapPost("/nodes/{name}/exclude", (string name, ReasonRequest? request, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(name, node => new ExcludeNode(node, ReasonOf(request)), questions, stop));
        api.MapPost("/nodes/{name}/undrain", (string name, ApiQuestions questions, CancellationToken stop) =>
            SteerAsync(name, node => new UndrainNode(node), questions, stop));
    }

    private static async Task<NodePage> ListAsync(string? after, int? limit, ApiQuestions questions, CancellationToken stop)
    {
        var count = Paging.Limit(limit);
        var inventory = await questions.InventoryAsync(stop);
        var (nodes, hasMore) = Paging.Take(inventory.Nodes.Values.Where(node => after is null || string.CompareOrdinal(node.Id.Value, after) > 0), count);
        return new NodePage([.. nodes.Select(node => NodeViewFactory.Of(node, questions.Now))], hasMore ? nodes[^1].Id.Value : null);
    }

    private static async Task<NodeStanding> SteerAsync(string name, Func<NodeId, object> command, ApiQuestions questions, CancellationToken stop)
    {
        // Nodes are named as sweeps are.
        if (!SweepId.IsValid(name)) throw new ApiProblemException(StatusCodes.Status400BadRequest, "Invalid name", $"\"{ApiProblems.Shown(name)}\" is no node's name: 1 to 63 of a-z, 0-9 and '-'.");
        var answer = await questions.SteerNodeAsync(command(new NodeId(name)), stop);
        return new NodeStanding(answer.Node.Value, answer.SetAside is { } aside ? NodeViewFactory.Of(aside) : null);
    }

    private static string ReasonOf(ReasonRequest? request) => request?.Reason is { Length: > 0 } reason ? reason : "by hand";
}

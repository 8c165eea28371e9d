using System.Collections.Immutable;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Placement;

/// <summary>Inventories from short texts.</summary>
internal static class TestInventory
{
    public static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static RegisterNode Node(string name, int slots, string fingerprint = "f", long incarnation = 1) =>
        new(new NodeId(name), incarnation, "host", slots, 1, "cpu", 1, "0.1.0", fingerprint, []);

    /// <summary>Nodes as <c>a:2 b:1@avx2</c>: name, slots, numerics.</summary>
    public static Inventory With(string nodes)
    {
        var inventory = Inventory.Empty;
        foreach (var text in nodes.Split(' '))
        {
            var parts = text.Split(':', '@');
            inventory = inventory.Register(Node(parts[0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture), parts.ElementAtOrDefault(2) ?? "f"), Now, $"akka://{parts[0]}").Next;
        }
        return inventory;
    }

    /// <summary>
    /// Attempts that run, oldest first, as <c>low=a low/1=a,b</c>: sweep, trial, nodes of its ranks (one slot each); the sweep's name gives its
    /// priority: low −1, mid 0, high 5, top 9.
    /// </summary>
    public static Inventory Running(this Inventory inventory, string attempts)
    {
        foreach (var sweep in (string[])["low", "mid", "high", "top"]) inventory = inventory.Prioritise(new SweepId(sweep), PriorityOf(sweep));
        foreach (var text in attempts.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var (trial, nodes) = (TrialOf(text.Split('=')[0]), text.Split('=')[1].Split(','));
            inventory = inventory.Hold(trial, 1, [.. nodes.Select((node, rank) => new Member(rank, new NodeId(node), 1, 1))], Now);
        }
        return inventory;
    }

    public static TrialId TrialOf(string text) => new(new SweepId(text.Split('/')[0]), text.Contains('/', StringComparison.Ordinal) ? int.Parse(text.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture) : 0);

    public static string NameOf(TrialId trial) => trial.Number == 0 ? trial.Sweep.Value : $"{trial.Sweep}/{trial.Number}";

    /// <summary>The process of each rank of that attempt is gone.</summary>
    public static Inventory Ended(this Inventory inventory, string attempt)
    {
        foreach (var node in inventory.Nodes.Values)
            foreach (var rank in node.Held.Keys.Where(rank => rank.Trial == TrialOf(attempt)))
                inventory = inventory.Free(node.Id, rank);
        return inventory;
    }

    public static string Stopped(ImmutableArray<InventoryNews> news) => string.Join(' ', news.OfType<SlotsWanted>().Select(wanted => NameOf(wanted.Trial)).Order(StringComparer.Ordinal));

    public static string Started(ImmutableArray<InventoryNews> news) =>
        string.Join(' ', news.OfType<Placed>().Select(placed => $"{NameOf(placed.Trial)}={string.Join(',', placed.Members.Select(member => member.Node.Value))}"));

    private static int PriorityOf(string sweep) => sweep switch { "low" => -1, "mid" => 0, "high" => 5, _ => 9 };
}

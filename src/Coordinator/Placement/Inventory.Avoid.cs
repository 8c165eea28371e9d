using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Placement;

/// <summary>Machines that are good, but not for one sweep: their data differ from those it began with.</summary>
internal sealed partial record Inventory
{
    /// <summary>By sweep and node. It ends with the agent's life: a person has put the data right and started it again.</summary>
    public ImmutableDictionary<(SweepId Sweep, NodeId Node), AvoidNode> Avoided { get; init; } = ImmutableDictionary<(SweepId Sweep, NodeId Node), AvoidNode>.Empty;

    public Inventory Avoid(AvoidNode avoid) => this with { Avoided = Avoided.SetItem((avoid.Sweep, avoid.Node), avoid), IsSettled = false };

    /// <summary>It could hold a rank of that trial, were it free.</summary>
    private bool Takes(NodeState node, SlotRequest request) => node.Fits(request.Device) && WhyAvoided(node, request) is null;

    private string? WhyAvoided(NodeState node, SlotRequest request) =>
        Avoided.TryGetValue((request.Trial.Sweep, node.Id), out var avoid) && avoid.Incarnation == node.Registration.Incarnation ? $"{node.Id}: {avoid.Reason}" : null;
}

using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.GpuNode.Agent;

namespace Volley.Simulation.Tests;

/// <summary>What is put to the test: the real decisions, or one of them with a rule taken out, which the simulation must notice.</summary>
internal sealed record Cores
{
    public static readonly Cores Real = new();

    public Func<SweepState, SweepCommand, DateTimeOffset, Decision> Sweep { get; init; } = SweepDecider.Decide;

    public Func<AgentState, AgentInput, (AgentState State, ImmutableArray<AgentEffect> Effects)> Agent { get; init; } = AgentCore.Decide;

    public bool ActsBeforeItJournals { get; init; }
}

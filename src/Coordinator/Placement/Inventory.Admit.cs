using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>An agent that asks to be taken for a machine that another one has.</summary>
/// <param name="Since">When it first asked.</param>
internal sealed record Rival(long Incarnation, DateTimeOffset Since);

/// <param name="IsAdmitted">It is the agent of that name from now on.</param>
/// <param name="Refusal">Why it is not; null with <paramref name="IsAdmitted"/> false: not known yet, it asks again.</param>
internal readonly record struct Admission(bool IsAdmitted, string? Refusal);

/// <summary>Two agents with one name.</summary>
/// <remarks>
/// An agent that was restarted registers with another incarnation, often while its predecessor still counts as alive; so does a second agent that
/// was given the same name by mistake. Incarnations do not tell them apart: they are clocks' readings, and clocks may differ or be set back. What
/// does: a predecessor from the same address is gone (a port has one owner), one that was lost or has been silent is gone, and one that registers
/// again after the newcomer has asked is alive. Until one of these is so the newcomer is not answered, and asks again (every 2 s).
/// </remarks>
internal sealed partial record Inventory
{
    /// <summary>Two registrations missed, and one that is late.</summary>
    public static readonly TimeSpan RivalPatience = TimeSpan.FromSeconds(5);

    /// <summary>A registration that was under way when its sender died arrives before this; a living agent's next one after it.</summary>
    private static readonly TimeSpan InFlight = TimeSpan.FromSeconds(1);

    public ImmutableDictionary<NodeId, Rival> Rivals { get; init; } = ImmutableDictionary<NodeId, Rival>.Empty;

    public (Inventory Next, Admission Verdict) Admit(RegisterNode registration, string version, string address, DateTimeOffset now)
    {
        if (Refuse(registration, version) is { } reason) return (this, new Admission(false, reason));
        var known = Find(registration.Node);
        var rival = Rivals.GetValueOrDefault(registration.Node);
        if (known is null or { IsReachable: false } || known.Registration.Incarnation == registration.Incarnation
            || known.Address == address || now - known.LastHeard > RivalPatience)
            return (rival?.Incarnation == registration.Incarnation ? this with { Rivals = Rivals.Remove(registration.Node) } : this, new Admission(true, null));

        if (rival?.Incarnation != registration.Incarnation)
            return (this with { Rivals = Rivals.SetItem(registration.Node, new Rival(registration.Incarnation, now)) }, new Admission(false, null));
        return known.LastHeard >= rival.Since + InFlight
            ? (this, new Admission(false, $"Another agent named {registration.Node} is alive at {known.Registration.Host}: give this one another --name, or end that one."))
            : (this, new Admission(false, null));
    }
}

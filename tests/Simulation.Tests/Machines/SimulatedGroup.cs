using Volley.Shared.Messages;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Machines;

/// <summary>
/// Ranks that take each step together. A dead one is noticed at once, a silent one (stopped, or behind a cut link) after 5 s; then those that live
/// drop the step, or some have completed it and some have not, and each learns of it at a moment of its own.
/// </summary>
internal sealed class SimulatedGroup(Cluster cluster, IReadOnlyList<SimulatedRank> members)
{
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(5);

    private readonly HashSet<SimulatedRank> _left = [];
    private Luck _luck = new(cluster.Seed, $"group {members[0].Key}");
    private DateTimeOffset? _silentSince;
    private long _start;
    private bool _isOver;

    public static bool AreApart(SimulatedRank one, SimulatedRank other) => one.Machine != other.Machine && (one.Machine.IsCutOff || other.Machine.IsCutOff);

    public void Begin(FormGroup form, long step)
    {
        _start = step;
        cluster.Watch.Formed(form, members, step);
        Next();
    }

    /// <summary>It was told to join another attempt.</summary>
    public void Leave(SimulatedRank member) => _left.Add(member);

    private void Next() => cluster.Time.After(_luck.NextBetween(0.05, 0.5), Step);

    private void Step()
    {
        if (_isOver) return;
        var isSilent = members.Any(member => member.IsStopped) || members.Any(one => members.Any(other => AreApart(one, other)));
        _silentSince = isSilent ? _silentSince ?? cluster.Time.Now : null;
        if (members.Any(IsGone) || cluster.Time.Now - _silentSince > SilenceLimit) Break();
        else if (isSilent) Next();
        else if (members[0].IsDone) End(() => { foreach (var (member, position) in members.Select((member, i) => (member, i)).ToList()) member.FinishInGroup(position == 0); });
        else if (members.All(member => member.IsStopWanted)) End(() => { foreach (var (member, position) in members.Select((member, i) => (member, i)).ToList()) member.StopInGroup(position == 0); });
        else if (members.Any(member => member.IsStopWanted))
        {
            foreach (var member in members.Where(member => member.IsStopWanted).ToList())
            {
                _left.Add(member);
                member.StopInGroup(saves: false);
            }
            Break();
        }
        else
        {
            for (var position = 0; position < members.Count; position++) members[position].TakeStep(position == 0, _start);
            Next();
        }
    }

    private void Break()
    {
        _isOver = true;
        var isUnderWay = !members[0].IsDone;
        foreach (var member in members.Where(member => !IsGone(member)))
        {
            // The last exchange may have reached it.
            if (isUnderWay && !member.IsStopped && _luck.NextChance(0.3)) member.TakeStep(false, _start);
            var lost = members.Where(other => other != member && (IsGone(other) || other.IsStopped || AreApart(member, other))).Select(other => other.Key.Rank).ToList();
            // Who leaves the group takes others with it, before they know why.
            if (_luck.NextChance(0.2)) lost.Clear();
            cluster.Time.After(_luck.NextBetween(0.01, 1), () => member.OnPeerLost(this, lost));
        }
    }

    private void End(Action how)
    {
        _isOver = true;
        how();
    }

    private bool IsGone(SimulatedRank member) => member.IsDead || _left.Contains(member);
}

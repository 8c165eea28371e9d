using System.Threading.Channels;
using Akka.Actor;
using Akka.Cluster;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>
/// Notices that the cluster an actor system belongs to has been replaced: its coordinator was killed and started again, here or elsewhere.
/// Akka takes its failure detector's time for that, and then the time to remove a member. A process that dies closes its connections at once;
/// so the moment one to a coordinator breaks, and every now and then, the coordinators are asked over HTTP who they are.
/// </summary>
internal sealed class CoordinatorWatch(CoordinatorDirectory directory, TimeProvider time)
{
    private static readonly TimeSpan AskPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>After a break the same cluster may answer for a moment (a standby that has not noticed); then it goes on as it is.</summary>
    private static readonly TimeSpan Attention = TimeSpan.FromSeconds(3);

    /// <summary>Where nothing broke visibly. Rare: a thousand agents ask.</summary>
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromSeconds(15);

    /// <summary>How often the members are looked at; they are in memory.</summary>
    private static readonly TimeSpan MemberPeriod = TimeSpan.FromSeconds(1);

    private readonly Channel<bool> _broken = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>A connection broke; repetitions mean nothing.</summary>
    public void Look() => _broken.Writer.TryWrite(true);

    /// <summary>Completes when another cluster answers.</summary>
    /// <param name="seeds">That the actor system was built with.</param>
    public async Task AnotherClusterAsync(ActorSystem system, IReadOnlyList<string> seeds, CancellationToken stop)
    {
        var alarm = _broken.Reader.ReadAsync(stop).AsTask();
        IReadOnlyCollection<CoordinatorMember> known = [];
        while (true)
        {
            var isAlarmed = false;
            for (var idle = TimeSpan.Zero; !isAlarmed && idle < IdlePeriod; idle += MemberPeriod)
            {
                // One that leaves in good order is no member any more when the one in its place answers: it is remembered.
                if (Known(system) is { Count: > 0 } members) known = members;
                isAlarmed = await Task.WhenAny(alarm, Task.Delay(MemberPeriod, time, stop)) == alarm;
            }
            if (isAlarmed)
            {
                await alarm;
                alarm = _broken.Reader.ReadAsync(stop).AsTask();
            }
            var since = time.GetTimestamp();
            var hasAnswered = false;
            do
            {
                var (view, _) = await directory.AskAsync(stop);
                // One that is a member of nothing is on its way out, or not yet in: that is no answer.
                if (view is { Coordinators.Length: > 0 })
                {
                    if (Known(system) is { Count: > 0 } now) known = now;
                    if (view.IsAnother(known, seeds)) return;
                    if (!hasAnswered) since = time.GetTimestamp();
                    hasAnswered = true;
                }
                if (isAlarmed) await Task.Delay(AskPeriod, time, stop);
            }
            // Nobody answers: it is being started again, and is asked until it is back.
            while (isAlarmed && (!hasAnswered || time.GetElapsedTime(since) < Attention));
        }
    }

    private static List<CoordinatorMember> Known(ActorSystem system) =>
    [
        .. Cluster.Get(system).State.Members.Where(member => member.HasRole(ClusterNames.CoordinatorRole))
            .Select(member => new CoordinatorMember(member.Address.ToString(), member.UniqueAddress.Uid)),
    ];
}

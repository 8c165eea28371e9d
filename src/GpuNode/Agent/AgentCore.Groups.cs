using Volley.GpuNode.Link;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>Ranks that train together: one whose peer is lost keeps its process, its slots and what it has in memory, and joins the next attempt.</summary>
internal static partial class AgentCore
{
    private sealed partial class Turn
    {
        /// <summary>A process of an older attempt that the new one has use for. One that is only being started has nothing to keep.</summary>
        private static bool LivesOn(RankEntry rank, StartRank start) =>
            rank is { Phase: RankPhase.Running, IsForgotten: false } && rank.Start.Trial == start.Trial && rank.Start.Attempt < start.Attempt && start.Kept.Contains(rank.Start.Rank);

        private void Join(RankEntry survivor, StartRank start)
        {
            State = State with { Ranks = State.Ranks.SetItem(State.Ranks.IndexOf(survivor), survivor.In(start)) };
            Effects.Add(new AgentEffect.JoinAttempt(survivor.Key, start));
            Send(new RankStarted(start.Trial, start.Attempt, start.Rank, State.Facts.Node, survivor.Pid));
            Resend(Find(new RankKey(start.Trial, start.Attempt, start.Rank))!);
            LaunchWhatFits();
        }

        private void OnGroupReady(AgentInput.GroupReady ready)
        {
            if (Find(ready.Rank) is not { Phase: RankPhase.Running, IsForgotten: false } rank) return;
            var address = ready.Address with
            {
                Machine = MessageLimits.Clip(ready.Address.Machine.Length > 0 ? ready.Address.Machine : State.Facts.Node.Value, MessageLimits.GroupTextBytes),
                Host = MessageLimits.Clip(ready.Address.Host.Length > 0 ? ready.Address.Host : State.Facts.Host, MessageLimits.GroupTextBytes),
            };
            rank = rank with { Ready = new RankReady(rank.Start.Trial, rank.Start.Attempt, State.Facts.Node, address), IsForming = true, Progress = null, Waiting = null };
            Replace(rank);
            Send(rank.Ready);
        }

        private void OnFormGroup(FormGroup form)
        {
            foreach (var rank in State.Ranks)
            {
                if (rank is not { Phase: RankPhase.Running, IsForgotten: false, Ready: not null } || (rank.Start.Trial, rank.Start.Attempt) != (form.Trial, form.Attempt)
                    || !form.Members.Contains(rank.Ready.Address)) continue;
                var isKnown = rank.Group is { } group && group.Secret.Equals(form.Secret) && group.Members.SequenceEqual(form.Members);
                Replace(rank with { Group = form, IsForming = false });
                if (!isKnown) Effects.Add(new AgentEffect.FormGroup(rank.Key, form));
            }
        }

        private void OnPeerLost(AgentInput.PeerLost lost)
        {
            if (Find(lost.Rank) is not { Phase: RankPhase.Running, IsForgotten: false } rank) return;
            var waiting = new RankWaiting(rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank, State.Facts.Node, lost.Lost, lost.Step, MessageLimits.Clip(lost.Reason));
            Replace(rank with { Waiting = waiting, Ready = null, IsForming = false });
            Send(waiting);
        }

        /// <param name="isNewConnection">Perhaps to another coordinator, which knows nothing of what was said before.</param>
        private void TellOfGroups(bool isNewConnection)
        {
            foreach (var rank in State.Ranks)
            {
                if (isNewConnection && rank is { Ready: not null, Progress: null, IsForming: false }) Replace(rank with { IsForming = true });
                if (rank is { Ready: { } ready } && (rank.IsForming || (isNewConnection && rank.Progress is null))) Send(ready);
                if (rank.Waiting is { } waiting) Send(waiting);
            }
        }

        /// <summary>The rank of that process, also where it has joined a later attempt since this was said.</summary>
        private RankEntry? FindProcess(RankKey key) =>
            Find(key) ?? State.Ranks.Find(rank => rank.Start.Trial == key.Trial && rank.Start.Rank == key.Rank && rank.BornIn <= key.Attempt && key.Attempt < rank.Start.Attempt && rank.HasProcess);
    }
}

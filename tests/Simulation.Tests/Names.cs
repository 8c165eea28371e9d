using Volley.Coordinator.Sweeps;
using Volley.GpuNode.Agent;
using Volley.Shared.Messages;

namespace Volley.Simulation.Tests;

/// <summary>One short line for each thing that happens: a trace is read by people.</summary>
internal static class Names
{
    public static string Of(IVolleyMessage message) => message switch
    {
        RegisterNode m => $"RegisterNode({m.Node} #{m.Incarnation % 1_000_000}{(m.Draining ? " draining" : "")} runs {string.Join(' ', m.Running.Select(rank => $"{rank.Trial}.a{rank.Attempt}.r{rank.Rank}{(rank.HasExited ? " exited" : "")}"))})",
        NodeRegistered m => $"NodeRegistered(term {m.Term})",
        StartRank m => $"StartRank(term {m.Term} {m.Trial}.a{m.Attempt}.r{m.Rank} from {m.ResumeFrom.FirstOrDefault()?.RelativePath ?? "the beginning"})",
        StopRank m => $"StopRank(term {m.Term} {m.Trial}.a{m.Attempt} {m.Mode})",
        RankStarted m => $"RankStarted({m.Trial}.a{m.Attempt}.r{m.Rank} pid {m.Pid})",
        RankExited m => $"RankExited({m.Trial}.a{m.Attempt}.r{m.Rank} {m.End} {m.Error})",
        EpochReport m => $"EpochReport({m.Trial}.a{m.Attempt} epoch {m.Metrics.Epoch})",
        CopyCheckpoint m => $"CopyCheckpoint(term {m.Term} {m.Trial}.a{m.Attempt} {m.Checkpoint.RelativePath} from {string.Join(',', m.Checkpoint.Holders?.Select(holder => holder.HttpAddress) ?? [])})",
        CheckpointCopied m => $"CheckpointCopied({m.Trial}.a{m.Attempt} {m.RelativePath} to {m.Node} {m.Problem})",
        RetireCheckpoint m => $"RetireCheckpoint(term {m.Term} {m.Trial} {m.RelativePath})",
        CheckpointReport m => $"CheckpointReport({m.Trial}.a{m.Attempt} {m.RelativePath})",
        RankReady m => $"RankReady({m.Trial}.a{m.Attempt}.r{m.Address.Rank} on {m.Node} port {m.Address.Port} step {m.Address.Step})",
        RankWaiting m => $"RankWaiting({m.Trial}.a{m.Attempt}.r{m.Rank} lost {string.Join(',', m.Lost)} step {m.Step})",
        FormGroup m => $"FormGroup(term {m.Term} {m.Trial}.a{m.Attempt} ranks {string.Join(',', m.Members.Select(member => member.Rank))})",
        IAttemptMessage m => $"{m.GetType().Name}({m.Trial}.a{m.Attempt})",
        _ => message.GetType().Name,
    };

    public static bool IsWorthALine(AgentInput input) => input is not (AgentInput.Tick or AgentInput.Progressed or AgentInput.Heard { Message: NodeRegistered });

    public static string Of(AgentInput input) => input switch
    {
        AgentInput.Heard heard => $"hears {Of(heard.Message)}",
        AgentInput.Exited exited => $"sees {exited.Rank} exit: {exited.Exit.End} {exited.Exit.Error}",
        AgentInput.GroupReady ready => $"sees {ready.Rank} listen at step {ready.Address.Step}",
        AgentInput.PeerLost lost => $"sees {lost.Rank} wait at step {lost.Step}: lost {string.Join(',', lost.Lost)}",
        AgentInput.Started started => $"sees {started.Rank} start, pid {started.Pid}",
        _ => input.GetType().Name,
    };

    public static string Of(SweepCommand command) => command switch
    {
        FromAgent report => Of(report.Message),
        SlotsGranted m => $"SlotsGranted({m.Trial}.a{m.Attempt} on {string.Join(',', m.Members.Select(member => member.Node))})",
        NodeAppeared m => $"NodeAppeared({m.Node} #{m.Incarnation % 1_000_000} runs {m.Running.Length})",
        _ => command.ToString(),
    };

    public static string Of(SweepEvent change) => change switch
    {
        AttemptStarted m => $"AttemptStarted({m.Trial}.a{m.Attempt} on {string.Join(',', m.Members.Select(member => $"{member.Node}{(member.IsKept ? "*" : "")}"))} from epoch {m.ResumeEpoch})",
        GroupBroken m => $"GroupBroken({m.Trial}.a{m.Attempt} lost {string.Join(',', m.Lost)} {m.Error})",
        AttemptEnded m => $"AttemptEnded({m.Trial}.a{m.Attempt} {m.End} {m.Error})",
        CheckpointCommitted m => $"CheckpointCommitted({m.Trial} {m.Checkpoint.RelativePath})",
        CheckpointRetired m => $"CheckpointRetired({m.Trial} {m.RelativePath})",
        EpochReported m => $"EpochReported({m.Trial}.a{m.Attempt} epoch {m.Metrics.Epoch})",
        TrialFinished m => $"TrialFinished({m.Trial}.a{m.Attempt})",
        TrialFailed m => $"TrialFailed({m.Trial} {m.Error})",
        TrialCreated m => $"TrialCreated({m.Spec.Number})",
        TermStarted m => $"TermStarted({m.Term})",
        _ => change.GetType().Name,
    };
}

using Google.Protobuf;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Serialization.Wire;

namespace Volley.Shared.Serialization;

/// <summary>Messages ↔ their protobuf form, one pair per message.</summary>
internal static class ProtocolWire
{
    private static TrialWire ToWire(TrialId trial) => new() { Sweep = trial.Sweep.Value, Number = trial.Number };

    private static TrialId FromWire(TrialWire wire) => new(new SweepId(wire.Sweep), wire.Number);

    public static RegisterNodeWire ToWire(RegisterNode message)
    {
        var wire = new RegisterNodeWire
        {
            Node = message.Node.Value,
            Incarnation = message.Incarnation,
            Host = message.Host,
            Slots = message.Slots,
            ThreadsPerSlot = message.ThreadsPerSlot,
            Device = message.Device,
            MemoryBytes = message.MemoryBytes,
            Version = message.Version,
            NumericsFingerprint = message.NumericsFingerprint,
            Draining = message.Draining,
            HttpAddress = message.HttpAddress,
            AgentPid = message.AgentPid,
        };
        wire.Running.AddRange(message.Running.Select(rank => new RunningRankWire
        {
            Trial = ToWire(rank.Trial),
            Attempt = rank.Attempt,
            Rank = rank.Rank,
            Slots = rank.Slots,
            Pid = rank.Pid,
            HasExited = rank.HasExited,
        }));
        return wire;
    }

    public static RegisterNode FromWire(RegisterNodeWire wire) => new(
        new NodeId(wire.Node), wire.Incarnation, wire.Host, wire.Slots, wire.ThreadsPerSlot, wire.Device, wire.MemoryBytes, wire.Version,
        wire.NumericsFingerprint,
        [.. wire.Running.Select(rank => new RunningRank(FromWire(rank.Trial), rank.Attempt, rank.Rank, rank.Slots, rank.Pid, rank.HasExited))],
        wire.Draining)
    {
        HttpAddress = wire.HttpAddress,
        AgentPid = wire.AgentPid,
    };

    public static NodeRegisteredWire ToWire(NodeRegistered message) => new() { Node = message.Node.Value, ClusterId = message.ClusterId, Term = message.Term };

    public static NodeRegistered FromWire(NodeRegisteredWire wire) => new(new NodeId(wire.Node), wire.ClusterId, wire.Term);

    public static NodeRefusedWire ToWire(NodeRefused message) => new() { Node = message.Node.Value, Reason = message.Reason };

    public static NodeRefused FromWire(NodeRefusedWire wire) => new(new NodeId(wire.Node), wire.Reason);

    public static NodeLeavingWire ToWire(NodeLeaving message) => new() { Node = message.Node.Value, Incarnation = message.Incarnation };

    public static NodeLeaving FromWire(NodeLeavingWire wire) => new(new NodeId(wire.Node), wire.Incarnation);

    public static StartRankWire ToWire(StartRank message)
    {
        var wire = new StartRankWire
        {
            Term = message.Term,
            Trial = ToWire(message.Trial),
            Attempt = message.Attempt,
            Rank = message.Rank,
            WorldSize = message.WorldSize,
            Slots = message.Slots,
            SpecJson = message.SpecJson,
            CheckpointRoot = message.CheckpointRoot,
            DataRoot = message.DataRoot,
            BaseDirectory = message.BaseDirectory,
        };
        wire.ResumeFrom.AddRange(message.ResumeFrom.Select(ToWire));
        wire.Kept.AddRange(message.Kept);
        return wire;
    }

    public static StartRank FromWire(StartRankWire wire) => new(
        wire.Term, FromWire(wire.Trial), wire.Attempt, wire.Rank, wire.WorldSize, wire.Slots, wire.SpecJson, wire.CheckpointRoot, wire.DataRoot,
        wire.BaseDirectory,
        [.. wire.ResumeFrom.Select(FromWire)])
    {
        Kept = [.. wire.Kept],
    };

    private static CheckpointReferenceWire ToWire(CheckpointReference reference)
    {
        var wire = new CheckpointReferenceWire { Step = reference.Step, RelativePath = reference.RelativePath, ManifestSha256 = reference.ManifestSha256 };
        if (reference.Holders is not { } holders) return wire;
        wire.Holders = new CheckpointHoldersWire();
        wire.Holders.Holders.AddRange(holders.Select(holder => new CheckpointHolderWire { Node = holder.Node.Value, HttpAddress = holder.HttpAddress }));
        return wire;
    }

    private static CheckpointReference FromWire(CheckpointReferenceWire wire) => new(wire.Step, wire.RelativePath, wire.ManifestSha256)
    {
        Holders = wire.Holders is null ? null : [.. wire.Holders.Holders.Select(holder => new CheckpointHolder(new NodeId(holder.Node), holder.HttpAddress))],
    };

    public static RankStartedWire ToWire(RankStarted message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, Rank = message.Rank, Node = message.Node.Value, Pid = message.Pid };

    public static RankStarted FromWire(RankStartedWire wire) => new(FromWire(wire.Trial), wire.Attempt, wire.Rank, new NodeId(wire.Node), wire.Pid);

    public static StopRankWire ToWire(StopRank message)
    {
        var wire = new StopRankWire { Term = message.Term, Trial = ToWire(message.Trial), Attempt = message.Attempt, Mode = (StopModeWire)message.Mode };
        if (message.Rank is { } rank) wire.Rank = rank;
        return wire;
    }

    public static StopRank FromWire(StopRankWire wire) => new(wire.Term, FromWire(wire.Trial), wire.Attempt, Known((StopMode)wire.Mode))
    {
        Rank = wire.HasRank ? wire.Rank : null,
    };

    public static ProgressReportWire ToWire(ProgressReport message) => new()
    {
        Trial = ToWire(message.Trial),
        Attempt = message.Attempt,
        Rank = message.Rank,
        Epoch = message.Epoch,
        TotalEpochs = message.TotalEpochs,
        Step = message.Step,
        TotalSteps = message.TotalSteps,
        Loss = message.Loss,
        ImagesPerSecond = message.ImagesPerSecond,
        CheckpointProblem = message.CheckpointProblem,
        CheckpointProblems = message.CheckpointProblems,
        DataDigest = message.DataDigest,
        StartStep = message.StartStep,
        SecondsSinceFirstStep = message.SecondsSinceFirstStep,
    };

    public static ProgressReport FromWire(ProgressReportWire wire) => new(
        FromWire(wire.Trial), wire.Attempt, wire.Rank, wire.Epoch, wire.TotalEpochs, wire.Step, wire.TotalSteps, wire.Loss, wire.ImagesPerSecond,
        wire.StartStep, wire.SecondsSinceFirstStep)
    {
        CheckpointProblem = wire.CheckpointProblem,
        CheckpointProblems = wire.CheckpointProblems,
        DataDigest = wire.DataDigest,
    };

    public static EpochReportWire ToWire(EpochReport message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, Metrics = message.Metrics.ToWire() };

    public static EpochReport FromWire(EpochReportWire wire) => new(FromWire(wire.Trial), wire.Attempt, wire.Metrics.FromWire());

    public static EpochAcceptedWire ToWire(EpochAccepted message) => new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, Epoch = message.Epoch };

    public static EpochAccepted FromWire(EpochAcceptedWire wire) => new(FromWire(wire.Trial), wire.Attempt, wire.Epoch);

    public static CheckpointReportWire ToWire(CheckpointReport message)
    {
        var wire = new CheckpointReportWire
        {
            Trial = ToWire(message.Trial),
            Attempt = message.Attempt,
            Step = message.Step,
            Epoch = message.Epoch,
            RelativePath = message.RelativePath,
            ManifestSha256 = message.ManifestSha256,
            Bytes = message.Bytes,
            DataDigest = message.DataDigest,
            Rank = message.Rank,
        };
        if (message.ObjectiveValue is { } value) wire.ObjectiveValue = value;
        return wire;
    }

    public static CheckpointReport FromWire(CheckpointReportWire wire) => new(
        FromWire(wire.Trial), wire.Attempt, wire.Step, wire.Epoch, wire.RelativePath, wire.ManifestSha256,
        wire.HasObjectiveValue ? wire.ObjectiveValue : null, wire.Bytes)
    {
        DataDigest = wire.DataDigest,
        Rank = wire.Rank,
    };

    public static CheckpointAcceptedWire ToWire(CheckpointAccepted message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, Step = message.Step };

    public static CheckpointAccepted FromWire(CheckpointAcceptedWire wire) => new(FromWire(wire.Trial), wire.Attempt, wire.Step);

    public static RetireCheckpointWire ToWire(RetireCheckpoint message) => new()
    {
        Term = message.Term,
        Trial = ToWire(message.Trial),
        Attempt = message.Attempt,
        CheckpointRoot = message.CheckpointRoot,
        RelativePath = message.RelativePath,
    };

    public static RetireCheckpoint FromWire(RetireCheckpointWire wire) =>
        new(wire.Term, FromWire(wire.Trial), wire.Attempt, wire.CheckpointRoot, wire.RelativePath);

    public static CheckpointDeletedWire ToWire(CheckpointDeleted message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, RelativePath = message.RelativePath, Node = message.Node?.Value ?? "" };

    public static CheckpointDeleted FromWire(CheckpointDeletedWire wire) => new(FromWire(wire.Trial), wire.Attempt, wire.RelativePath)
    {
        Node = wire.Node.Length == 0 ? null : new NodeId(wire.Node),
    };

    public static CopyCheckpointWire ToWire(CopyCheckpoint message) => new()
    {
        Term = message.Term,
        Trial = ToWire(message.Trial),
        Attempt = message.Attempt,
        CheckpointRoot = message.CheckpointRoot,
        Checkpoint = ToWire(message.Checkpoint),
        Bytes = message.Bytes,
    };

    public static CopyCheckpoint FromWire(CopyCheckpointWire wire) =>
        new(wire.Term, FromWire(wire.Trial), wire.Attempt, wire.CheckpointRoot, FromWire(wire.Checkpoint), wire.Bytes);

    public static CheckpointCopiedWire ToWire(CheckpointCopied message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, RelativePath = message.RelativePath, Node = message.Node.Value, Problem = message.Problem };

    public static CheckpointCopied FromWire(CheckpointCopiedWire wire) =>
        new(FromWire(wire.Trial), wire.Attempt, wire.RelativePath, new NodeId(wire.Node), wire.Problem);

    public static RankExitedWire ToWire(RankExited message)
    {
        var wire = new RankExitedWire
        {
            Trial = ToWire(message.Trial),
            Attempt = message.Attempt,
            Rank = message.Rank,
            Node = message.Node.Value,
            End = (RankEndWire)message.End,
            Outcome = message.Outcome?.ToWire(),
            Error = message.Error,
            IsUserError = message.IsUserError,
            DataDigest = message.DataDigest,
        };
        wire.LastLogLines.AddRange(message.LastLogLines);
        if (message.StartStep is { } start) wire.StartStep = start;
        if (message.LastStep is { } last) wire.LastStep = last;
        return wire;
    }

    public static RankExited FromWire(RankExitedWire wire) => new(
        FromWire(wire.Trial), wire.Attempt, wire.Rank, new NodeId(wire.Node), Known((RankEnd)wire.End), wire.Outcome?.FromWire(), wire.Error,
        wire.IsUserError, [.. wire.LastLogLines], wire.HasStartStep ? wire.StartStep : null, wire.HasLastStep ? wire.LastStep : null)
    {
        DataDigest = wire.DataDigest,
    };

    public static RankExitAcceptedWire ToWire(RankExitAccepted message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, Rank = message.Rank };

    public static RankExitAccepted FromWire(RankExitAcceptedWire wire) => new(FromWire(wire.Trial), wire.Attempt, wire.Rank);

    public static AttemptIsStaleWire ToWire(AttemptIsStale message) =>
        new() { Term = message.Term, Trial = ToWire(message.Trial), Attempt = message.Attempt };

    public static AttemptIsStale FromWire(AttemptIsStaleWire wire) => new(wire.Term, FromWire(wire.Trial), wire.Attempt);

    private static GroupAddressWire ToWire(GroupAddress address) =>
        new() { Rank = address.Rank, Machine = address.Machine, Host = address.Host, Port = address.Port, Step = address.Step };

    private static GroupAddress FromWire(GroupAddressWire wire) => new(wire.Rank, wire.Machine, wire.Host, wire.Port, wire.Step);

    public static RankReadyWire ToWire(RankReady message) =>
        new() { Trial = ToWire(message.Trial), Attempt = message.Attempt, Node = message.Node.Value, Address = ToWire(message.Address) };

    public static RankReady FromWire(RankReadyWire wire) => new(FromWire(wire.Trial), wire.Attempt, new NodeId(wire.Node), FromWire(wire.Address));

    public static FormGroupWire ToWire(FormGroup message)
    {
        var wire = new FormGroupWire { Term = message.Term, Trial = ToWire(message.Trial), Attempt = message.Attempt, Secret = ByteString.CopyFrom(message.Secret.Value.Span) };
        wire.Members.AddRange(message.Members.Select(ToWire));
        return wire;
    }

    public static FormGroup FromWire(FormGroupWire wire) =>
        new(wire.Term, FromWire(wire.Trial), wire.Attempt, [.. wire.Members.Select(FromWire)], GroupSecret.Of(wire.Secret.Span));

    public static RankWaitingWire ToWire(RankWaiting message)
    {
        var wire = new RankWaitingWire { Trial = ToWire(message.Trial), Attempt = message.Attempt, Rank = message.Rank, Node = message.Node.Value, Step = message.Step, Reason = message.Reason };
        wire.Lost.AddRange(message.Lost);
        return wire;
    }

    public static RankWaiting FromWire(RankWaitingWire wire) =>
        new(FromWire(wire.Trial), wire.Attempt, wire.Rank, new NodeId(wire.Node), [.. wire.Lost], wire.Step, wire.Reason);

    /// <summary>Enum values equal their wire values (a test holds that); one this version does not know is refused, not guessed.</summary>
    private static T Known<T>(T value) where T : struct, Enum =>
        Enum.IsDefined(value) ? value : throw new FormatException($"{typeof(T).Name}: value {value} is unknown to this version of Volley.");
}

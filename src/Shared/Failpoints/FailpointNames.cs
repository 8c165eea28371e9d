namespace Volley.Shared.Failpoints;

/// <summary>Every named place where a process can be made to die, halt or fail on purpose. docs/failpoints.md says where each is; a test keeps both equal.</summary>
public static class FailpointNames
{
    public const string CoordinatorBeforePersist = "coordinator.before-persist";
    public const string CoordinatorAfterPersist = "coordinator.after-persist";

    public const string AgentBeforeLaunch = "agent.before-launch";
    public const string AgentAfterLaunch = "agent.after-launch";
    public const string AgentAfterReportSent = "agent.after-report-sent";
    public const string AgentBeforeExitAcknowledged = "agent.before-exit-acknowledged";

    public const string RankAttached = "rank.attached";
    public const string RankFirstEpoch = "rank.first-epoch";
    public const string RankGroupForming = "rank.group-forming";
    public const string RankStateBroadcast = "rank.state-broadcast";
    public const string RankMidStep = "rank.mid-step";
    public const string RankInEvaluation = "rank.in-evaluation";
    public const string RankBeforeLastWords = "rank.before-last-words";

    public const string CheckpointBeforeWrite = "checkpoint.before-write";
    public const string CheckpointBeforeManifest = "checkpoint.before-manifest";
    public const string CheckpointBeforeRename = "checkpoint.before-rename";
    public const string CheckpointAfterRename = "checkpoint.after-rename";

    public static IReadOnlyList<string> All { get; } =
    [
        CoordinatorBeforePersist, CoordinatorAfterPersist,
        AgentBeforeLaunch, AgentAfterLaunch, AgentAfterReportSent, AgentBeforeExitAcknowledged,
        RankAttached, RankFirstEpoch, RankGroupForming, RankStateBroadcast, RankMidStep, RankInEvaluation, RankBeforeLastWords,
        CheckpointBeforeWrite, CheckpointBeforeManifest, CheckpointBeforeRename, CheckpointAfterRename,
    ];
}

using Volley.GpuNode.Link.Wire;
using Volley.Shared.Messages;
using Volley.Shared.Serialization;
using WireEnd = Volley.GpuNode.Link.Wire.End;

namespace Volley.GpuNode.Agent;

/// <summary>What is known about a rank's process once it is dead.</summary>
/// <param name="Ended">Its last words, if it had any.</param>
/// <param name="ExitCode">128 + n where signal n ended it.</param>
/// <param name="KillReason">Why the agent killed it; null: it did not.</param>
/// <param name="WasStoppedBeforeStart">The agent ended it before it had anything to do.</param>
/// <param name="OutOfMemory">The kernel killed some process for memory while this one lived.</param>
internal sealed record RankDeath(Ended? Ended, int ExitCode, string? KillReason, bool WasStoppedBeforeStart, bool OutOfMemory, IReadOnlyList<string> LastLogLines);

/// <summary>From a death to what it means for the trial. Pure.</summary>
internal static class RankExits
{
    private const int SignalBase = 128;
    private const int SigKill = 9;

    // Illegal instruction, abort, bus error, arithmetic, segmentation: the process's own doing, so it counts against max_failures;
    // a trial that crashes each time would otherwise be started for ever.
    private static readonly Dictionary<int, string> Crashes = new() { [4] = "SIGILL", [6] = "SIGABRT", [7] = "SIGBUS", [8] = "SIGFPE", [11] = "SIGSEGV" };

    public static RankExit Classify(RankDeath death)
    {
        RankExit Exit(RankEnd end, string error, bool isUserError = false) => new(end, null, error, isUserError, death.LastLogLines);

        switch (death.Ended?.End)
        {
            // Its checkpoints and reports are safe: what the process did after its last words is of no concern.
            case WireEnd.Finished: return Exit(RankEnd.Finished, "") with { Outcome = death.Ended.Outcome?.FromWire() };
            case WireEnd.Stopped: return Exit(RankEnd.Stopped, "");
            case WireEnd.Failed: return Exit(RankEnd.Failed, death.Ended.Error, death.Ended.IsUserError);
        }
        if (death.WasStoppedBeforeStart) return Exit(RankEnd.Stopped, "");
        if (death.KillReason is { } reason) return Exit(RankEnd.Lost, reason);
        var signal = death.ExitCode - SignalBase;
        if (Crashes.TryGetValue(signal, out var name)) return Exit(RankEnd.Failed, $"The process crashed ({name}); its last log lines may say why.");
        if (signal == SigKill && death.OutOfMemory)
            return Exit(RankEnd.Failed, "The kernel killed the process because memory ran out: lower global_batch_size or the model, or run fewer trials at once.");
        if (signal is > 0 and < 64) return Exit(RankEnd.Lost, $"The process was killed from outside (signal {signal}).");
        return Exit(RankEnd.Failed, $"The process ended with code {death.ExitCode} and did not say why; its last log line: {(death.LastLogLines.Count > 0 ? death.LastLogLines[^1] : "(none)")}");
    }
}

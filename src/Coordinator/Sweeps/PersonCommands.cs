namespace Volley.Coordinator.Sweeps;

/// <summary>What a person tells a sweep. Each says what shall hold, not what to change by how much: a second delivery changes nothing.</summary>
internal abstract record PersonCommand : SweepCommand;

/// <summary>Ranks stop at their next step boundary, after a checkpoint, and their slots are free; nothing new starts.</summary>
internal sealed record PauseSweep : PersonCommand;

internal sealed record ResumeSweep : PersonCommand;

/// <summary>Ends the sweep and every trial that has not ended. <see cref="RepairSweep"/> takes it up again.</summary>
internal sealed record CancelSweep : PersonCommand;

/// <summary>Try the failed trials again.</summary>
internal sealed record RetryFailed : PersonCommand;

/// <summary>Rerun exactly what has no result: failed and cancelled trials go on from their newest checkpoints, those never made are made.</summary>
internal sealed record RepairSweep : PersonCommand;

/// <summary>One failed or cancelled trial gets another chance, from its newest checkpoint.</summary>
internal sealed record RetryTrial(int Trial) : PersonCommand;

/// <summary>Ends one trial as cancelled, at once: its ranks are killed, its checkpoints stay.</summary>
internal sealed record KillTrial(int Trial) : PersonCommand;

/// <summary>More of the same sweep. Both are totals, so that sending it again extends nothing twice.</summary>
/// <param name="Epochs">Every trial is trained for so many epochs in all, from its newest checkpoint; 0: as they are.</param>
/// <param name="Trials">The search makes so many trials in all; 0: as many as it would.</param>
internal sealed record ExtendSweep(int Epochs, int Trials) : PersonCommand;

/// <param name="Priority">−100 … 100. A waiting trial of a higher one takes the slots of trials of lower ones.</param>
internal sealed record SetPriority(int Priority) : PersonCommand
{
    public const int Lowest = -100;
    public const int Highest = 100;
}

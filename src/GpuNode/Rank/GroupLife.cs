using System.Collections.Immutable;
using Volley.GpuNode.Link.Wire;

namespace Volley.GpuNode.Rank;

/// <summary>What a rank has to do next about its group.</summary>
internal enum GroupTask
{
    /// <summary>The last group is over, or left: a newer attempt has to be announced first.</summary>
    WaitForAttempt,

    /// <summary>Say that this rank listens.</summary>
    Announce,

    /// <summary>Until all ranks of the attempt have said so.</summary>
    WaitForMembers,

    /// <summary>To the members of <see cref="GroupLife.Form"/>.</summary>
    Connect,

    /// <summary>Connecting, or connected: nothing else was asked for.</summary>
    Carry,
}

/// <summary>
/// One rank's membership over the attempts of its trial. Pure: orders of the agent and what became of them go in, what to do next comes
/// out. Everything may be said twice or late: an attempt number only rises, and of one attempt a connected group stays.
/// </summary>
internal sealed record GroupLife(int Attempt)
{
    public ImmutableArray<CheckpointToResume>? ResumeFrom { get; private init; }

    /// <summary>The newest for <see cref="Attempt"/>.</summary>
    public FormGroup? Form { get; private init; }

    public bool IsConnected { get; private init; }

    private bool IsOver { get; init; }

    private bool IsAnnounced { get; init; }

    private FormGroup? Begun { get; init; }

    public GroupTask Next =>
        IsOver ? GroupTask.WaitForAttempt
        : !IsAnnounced ? GroupTask.Announce
        : Form is null ? GroupTask.WaitForMembers
        : ReferenceEquals(Form, Begun) ? GroupTask.Carry
        : GroupTask.Connect;

    public GroupLife Hear(JoinAttempt join) =>
        join.Attempt <= Attempt ? this : new GroupLife(join.Attempt) { ResumeFrom = join.ResumeFrom.Count > 0 ? [.. join.ResumeFrom] : null };

    /// <summary>A second one counts while nothing is connected: a new coordinator draws another secret.</summary>
    public GroupLife Hear(FormGroup form) => form.Attempt != Attempt || IsOver || IsConnected || !IsAnnounced || form.Equals(Form) ? this : this with { Form = form };

    public GroupLife Announced() => this with { IsAnnounced = true };

    public GroupLife Connecting() => this with { Begun = Form };

    public GroupLife Connected(FormGroup form) => ReferenceEquals(form, Form) ? this with { IsConnected = true } : this;

    /// <summary>The group of that attempt has ended, or never came about.</summary>
    public GroupLife Over(int attempt) => attempt == Attempt ? this with { IsOver = true, IsConnected = false } : this;
}

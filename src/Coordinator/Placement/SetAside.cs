namespace Volley.Coordinator.Placement;

/// <summary>Why a machine gets no new ranks.</summary>
internal enum SetAsideKind
{
    /// <summary>A person wants it free: what runs there stops gracefully and moves.</summary>
    Drained,

    /// <summary>A person does not want it: what runs there counts as lost.</summary>
    Excluded,

    /// <summary>Trials keep failing there: what runs may go on.</summary>
    Failing,
}

/// <summary>A machine that was set aside, until a person takes it back.</summary>
/// <param name="Reason">In words, for people.</param>
internal sealed record SetAside(SetAsideKind Kind, string Reason, DateTimeOffset Since);

namespace Volley.Shared.Messages;

/// <summary>Everything that travels between coordinator and agents. The serializer is chosen by this interface; nothing else leaves a process.</summary>
public interface IVolleyMessage;

/// <summary>A message about one attempt. Whoever holds a newer attempt drops it: an attempt's number is the fencing token (DESIGN §3).</summary>
public interface IAttemptMessage : IVolleyMessage
{
    Identifiers.TrialId Trial { get; }

    /// <summary>1 at first, +1 whenever the members of the trial's group change.</summary>
    int Attempt { get; }
}

/// <summary>A command of the coordinator. Agents remember the highest term they have seen and refuse lower ones.</summary>
public interface ICoordinatorCommand : IVolleyMessage
{
    /// <summary>One life of the coordinator singleton.</summary>
    long Term { get; }
}

using Volley.Shared;

namespace Volley.Coordinator.Journal;

/// <param name="Id">Made once per journal: two coordinators that meet share a journal, or one of them is told wrong.</param>
/// <param name="ClusterName">Of the cluster whose decisions it holds.</param>
internal sealed record JournalIdentity(string Id, string ClusterName);

/// <summary>Where a coordinator keeps its decisions: the embedded file, or a PostgreSQL server that several coordinators share.</summary>
internal interface IJournalStore
{
    /// <summary>For people: what and where, without a password.</summary>
    string Description { get; }

    /// <summary>Other coordinators can reach it too.</summary>
    bool IsShared { get; }

    /// <summary>The journal plugin's settings. They hold the password: never logged.</summary>
    string Hocon();

    /// <summary>Creates tables if need be, and finds out whether it can be used.</summary>
    /// <param name="clusterName">Kept with the journal when it is made.</param>
    /// <exception cref="UserErrorException">A person must put something right.</exception>
    /// <exception cref="System.Data.Common.DbException">It cannot be used now (<see cref="JournalFailure.IsPassing"/>).</exception>
    Task<JournalIdentity> PrepareAsync(string clusterName, CancellationToken stop);

    /// <summary>Can it be reached?</summary>
    /// <exception cref="System.Data.Common.DbException">No.</exception>
    Task ProbeAsync(CancellationToken stop);
}

using System.Collections.Immutable;
using Microsoft.Data.Sqlite;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Chaos;

/// <summary>What the journal of a stopped coordinator says, read without it.</summary>
/// <param name="TimesFinished">By trial.</param>
/// <param name="Checkpoints">Committed and not retired: the paths, by trial.</param>
internal sealed record JournalAudit(ImmutableSortedDictionary<int, int> TimesFinished, ImmutableSortedDictionary<int, ImmutableList<CommittedCheckpoint>> Checkpoints)
{
    public static JournalAudit Of(string journalDirectory)
    {
        var audit = new JournalAudit(ImmutableSortedDictionary<int, int>.Empty, ImmutableSortedDictionary<int, ImmutableList<CommittedCheckpoint>>.Empty);
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(journalDirectory, SqliteJournal.FileName), Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT manifest, message FROM journal ORDER BY ordering";
        using var reader = command.ExecuteReader();
        while (reader.Read()) audit = audit.Apply(JournalSerializer.Deserialize(reader.GetFieldValue<byte[]>(1), reader.GetString(0)));
        return audit;
    }

    /// <param name="damaged">By faults, on purpose.</param>
    /// <returns>Checkpoints that the journal counts on and that are not whole.</returns>
    public ImmutableArray<string> Missing(Func<int, CommittedCheckpoint, bool> isWhole, Func<int, string, bool> damaged) =>
    [
        .. from trial in Checkpoints
           from checkpoint in trial.Value
           where !damaged(trial.Key, checkpoint.RelativePath) && !isWhole(trial.Key, checkpoint)
           select $"trial {trial.Key}: {checkpoint.RelativePath}",
    ];

    private JournalAudit Apply(object journaled) => journaled switch
    {
        TrialFinished finished => this with { TimesFinished = TimesFinished.SetItem(finished.Trial, TimesFinished.GetValueOrDefault(finished.Trial) + 1) },
        CheckpointCommitted committed => this with { Checkpoints = Checkpoints.SetItem(committed.Trial, Of(committed.Trial).Add(committed.Checkpoint)) },
        CheckpointRetired retired => this with { Checkpoints = Checkpoints.SetItem(retired.Trial, Of(retired.Trial).RemoveAll(checkpoint => checkpoint.RelativePath == retired.RelativePath)) },
        _ => this,
    };

    private ImmutableList<CommittedCheckpoint> Of(int trial) => Checkpoints.GetValueOrDefault(trial) ?? [];
}

using Microsoft.Data.Sqlite;
using Volley.Shared;

namespace Volley.Coordinator.Journal;

/// <summary>The embedded journal: one SQLite file in write-ahead mode, which is a property of the file and set once.</summary>
internal sealed class SqliteJournal(string directory) : IJournalStore
{
    public const string FileName = "journal.db";

    private readonly string _path = Path.Combine(directory, FileName);

    public string Description => $"sqlite at {_path}";

    public bool IsShared => false;

    private string ConnectionString => new SqliteConnectionStringBuilder { DataSource = _path }.ToString();

    public string Hocon() => JournalHocon.Of("SQLite.MS", ConnectionString);

    public Task<JournalIdentity> PrepareAsync(string clusterName, CancellationToken stop) => Task.FromResult(Prepare(clusterName));

    public Task ProbeAsync(CancellationToken stop) => Task.CompletedTask;     // a file is there or its writers have said why not

    public JournalIdentity Prepare(string clusterName)
    {
        try
        {
            Directory.CreateDirectory(directory);
            using var connection = Open();
            Check(connection);
            Execute(connection, Tables);
            Execute(connection, "INSERT INTO volley_cluster (id, name) SELECT $id, $name WHERE NOT EXISTS (SELECT 1 FROM volley_cluster)", ("$id", Guid.NewGuid().ToString("n")), ("$name", clusterName));
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT id, name FROM volley_cluster";
            using var reader = command.ExecuteReader();
            reader.Read();
            return new JournalIdentity(reader.GetString(0), reader.GetString(1));
        }
        catch (SqliteException error) when (!JournalFailure.IsPassing(error))
        {
            throw new UserErrorException($"{_path}: cannot be used as journal: {error.Message} If it is damaged, restore a copy or start over in another folder.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{directory}: cannot hold the journal: {error.Message}", error);
        }
    }

    internal SqliteConnection Open()
    {
        var connection = new SqliteConnection(ConnectionString);
        connection.Open();
        return connection;
    }

    private void Check(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode = WAL; PRAGMA quick_check;";
        using var reader = command.ExecuteReader();
        reader.Read();
        var mode = reader.GetString(0);
        if (mode != "wal") throw new UserErrorException($"{_path}: the file system does not support SQLite's write-ahead log (mode is '{mode}'). Put the journal on a local disk.");
        reader.NextResult();
        reader.Read();
        var verdict = reader.GetString(0);
        if (verdict != "ok") throw new UserErrorException($"{_path}: the journal is damaged ({verdict}). Restore a copy, or start over in another folder.");
    }

    private static void Execute(SqliteConnection connection, string sql, params (string Name, string Value)[] values)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value);
        command.ExecuteNonQuery();
    }

    // What the journal plugin expects. Made here, because the plugin gives up for good when it cannot make them at its start.
    private const string Tables = """
        CREATE TABLE IF NOT EXISTS journal (
          ordering INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          created INTEGER NOT NULL,
          deleted BIT NOT NULL,
          persistence_id NVARCHAR(255) NOT NULL,
          sequence_number INTEGER NOT NULL,
          message VARBINARY NOT NULL,
          manifest NVARCHAR(500),
          identifier INTEGER,
          writer_uuid NVARCHAR(128)
        );
        CREATE UNIQUE INDEX IF NOT EXISTS journal_uq ON journal (persistence_id, sequence_number);
        CREATE TABLE IF NOT EXISTS tags (
          ordering_id INTEGER NOT NULL,
          tag NVARCHAR(64) NOT NULL,
          sequence_nr INTEGER NOT NULL,
          persistence_id NVARCHAR(255) NOT NULL,
          PRIMARY KEY (ordering_id, tag)
        );
        CREATE TABLE IF NOT EXISTS volley_cluster (id TEXT NOT NULL, name TEXT NOT NULL);
        """;
}

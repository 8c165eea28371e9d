using Npgsql;
using Volley.Shared;

namespace Volley.Coordinator.Journal;

/// <summary>The journal of several coordinators: one PostgreSQL database that all of them reach. One of them writes at a time.</summary>
internal sealed class PostgresJournal : IJournalStore
{
    // Any number, the same in every version: coordinators that start together make the tables one after the other.
    private const long SetupLock = 0x56_6f_6c_6c_65_79;

    private readonly NpgsqlConnectionStringBuilder _settings;

    public PostgresJournal(NpgsqlConnectionStringBuilder settings)
    {
        _settings = settings;
        _settings.ApplicationName = "volley";
        // A server that does not answer is found out before the journal plugin's own limit of 10 s.
        _settings.Timeout = 5;
        _settings.CommandTimeout = 8;
        _settings.KeepAlive = 10;
        _settings.MaxPoolSize = 20;
    }

    public string Description => $"postgres at {_settings.Host}:{_settings.Port}, database {_settings.Database}";

    public bool IsShared => true;

    public string Hocon() => JournalHocon.Of("PostgreSQL.15", _settings.ConnectionString);

    public async Task<JournalIdentity> PrepareAsync(string clusterName, CancellationToken stop)
    {
        try
        {
            await using var connection = new NpgsqlConnection(_settings.ConnectionString);
            await connection.OpenAsync(stop);
            await using var transaction = await connection.BeginTransactionAsync(stop);
            await using var command = connection.CreateCommand();
            command.CommandText = $"SELECT pg_advisory_xact_lock({SetupLock})";
            await command.ExecuteNonQueryAsync(stop);
            command.CommandText = Tables;
            await command.ExecuteNonQueryAsync(stop);
            command.CommandText = "INSERT INTO volley_cluster (id, name) SELECT @id, @name WHERE NOT EXISTS (SELECT 1 FROM volley_cluster)";
            command.Parameters.AddWithValue("id", Guid.NewGuid().ToString("n"));
            command.Parameters.AddWithValue("name", clusterName);
            await command.ExecuteNonQueryAsync(stop);
            command.Parameters.Clear();
            command.CommandText = "SELECT id, name FROM volley_cluster";
            JournalIdentity identity;
            await using (var reader = await command.ExecuteReaderAsync(stop))
            {
                await reader.ReadAsync(stop);
                identity = new JournalIdentity(reader.GetString(0), reader.GetString(1));
            }
            await transaction.CommitAsync(stop);
            return identity;
        }
        catch (NpgsqlException error) when (!JournalFailure.IsPassing(error))
        {
            throw new UserErrorException($"--journal: {Description}, user {_settings.Username}: {JournalFailure.Explain(error)} Put the address, the password (in it, or in PGPASSWORD) or the user's rights right.", error);
        }
    }

    public async Task ProbeAsync(CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(_settings.ConnectionString);
        await connection.OpenAsync(stop);
        await using var command = new NpgsqlCommand("SELECT 1", connection);
        await command.ExecuteScalarAsync(stop);
    }

    // What the journal plugin expects. Made here, because the plugin gives up for good when it cannot make them at its start,
    // and because CREATE TABLE IF NOT EXISTS of three coordinators at once is an error in PostgreSQL.
    private const string Tables = """
        CREATE TABLE IF NOT EXISTS journal (
          ordering BIGSERIAL PRIMARY KEY,
          created BIGINT NOT NULL,
          deleted BOOLEAN NOT NULL,
          persistence_id VARCHAR(255) NOT NULL,
          sequence_number BIGINT NOT NULL,
          message BYTEA NOT NULL,
          manifest VARCHAR(500),
          identifier INTEGER,
          writer_uuid VARCHAR(128)
        );
        CREATE UNIQUE INDEX IF NOT EXISTS journal_uq ON journal (persistence_id, sequence_number);
        CREATE TABLE IF NOT EXISTS tags (
          ordering_id BIGINT NOT NULL,
          tag VARCHAR(64) NOT NULL,
          sequence_nr BIGINT NOT NULL,
          persistence_id VARCHAR(255) NOT NULL,
          PRIMARY KEY (ordering_id, tag)
        );
        CREATE TABLE IF NOT EXISTS volley_cluster (id TEXT NOT NULL, name TEXT NOT NULL);
        """;
}

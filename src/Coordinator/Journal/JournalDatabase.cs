using Microsoft.Data.Sqlite;
using Volley.Shared;

namespace Volley.Coordinator.Journal;

/// <summary>The embedded journal: one SQLite file in write-ahead mode, which is a property of the file and set once.</summary>
internal static class JournalDatabase
{
    public const string FileName = "journal.db";

    /// <summary>Creates the file if need be, and finds out now whether it can be used.</summary>
    /// <returns>The connection string for the journal plugin.</returns>
    /// <exception cref="UserErrorException">The folder cannot be written, or the file is no journal.</exception>
    public static string Prepare(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var connectionString = new SqliteConnectionStringBuilder { DataSource = path }.ToString();
        try
        {
            Directory.CreateDirectory(directory);
            using var connection = new SqliteConnection(connectionString);
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode = WAL; PRAGMA quick_check;";
            using var reader = command.ExecuteReader();
            reader.Read();
            var mode = reader.GetString(0);
            if (mode != "wal") throw new UserErrorException($"{path}: the file system does not support SQLite's write-ahead log (mode is '{mode}'). Put the journal on a local disk.");
            reader.NextResult();
            reader.Read();
            var verdict = reader.GetString(0);
            if (verdict != "ok") throw new UserErrorException($"{path}: the journal is damaged ({verdict}). Restore a copy, or start over in another folder.");
            return connectionString;
        }
        catch (SqliteException error)
        {
            throw new UserErrorException($"{path}: cannot be used as journal: {error.Message} If it is damaged, restore a copy or start over in another folder.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{directory}: cannot hold the journal: {error.Message}", error);
        }
    }

    /// <summary>Akka.Persistence.Sql on that file. There is no typed API for it here (DESIGN §9).</summary>
    public static string Hocon(string connectionString) => $$"""
        akka.persistence {
          journal {
            plugin = "akka.persistence.journal.sql"
            auto-start-journals = ["akka.persistence.journal.sql"]
            sql {
              connection-string = "{{connectionString.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}}"
              provider-name = "SQLite.MS"
              auto-initialize = on
            }
          }
          snapshot-store.plugin = "akka.persistence.no-snapshot-store"
        }
        """ + "\n" + JournalSerializer.Hocon;

    /// <summary>Two coordinators wrote the same sequence number: this one is no longer the singleton and must end (DESIGN §3).</summary>
    public static bool IsUniqueViolation(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
            if (cause is SqliteException { SqliteErrorCode: 19 }) return true;      // SQLITE_CONSTRAINT
        return error is AggregateException several && several.InnerExceptions.Any(IsUniqueViolation);
    }
}

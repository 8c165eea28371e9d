using Microsoft.Data.Sqlite;
using Volley.Coordinator.Journal;
using Volley.Shared;

namespace Volley.Coordinator.Tests.Journal;

public sealed class JournalDatabaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFreshJournal_IsInWriteAheadMode()
    {
        using var connection = new SqliteConnection(JournalDatabase.Prepare(_folder));
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode";
        Assert.Equal("wal", command.ExecuteScalar());
        SqliteConnection.ClearAllPools();
    }

    [Fact]
    public void AFileThatIsNoJournal_IsAClearError()
    {
        File.WriteAllText(Path.Combine(_folder, JournalDatabase.FileName), "this is no database, and long enough to be read as one ".PadRight(4096, '.'));
        var error = Assert.Throws<UserErrorException>(() => JournalDatabase.Prepare(_folder));
        Assert.Contains(JournalDatabase.FileName, error.Message, StringComparison.Ordinal);
        SqliteConnection.ClearAllPools();
    }

    [Fact]
    public void AFolderThatCannotBeMade_IsAClearError()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        var error = Assert.Throws<UserErrorException>(() => JournalDatabase.Prepare(Path.Combine(file, "journal")));
        Assert.Contains("journal", error.Message, StringComparison.Ordinal);
    }
}

using Microsoft.Data.Sqlite;
using Volley.Coordinator.Journal;
using Volley.Shared;

namespace Volley.Coordinator.Tests.Journal;

public sealed class SqliteJournalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFreshJournal_IsInWriteAheadMode()
    {
        var journal = new SqliteJournal(_folder);
        journal.Prepare("volley");
        using var connection = journal.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode";
        Assert.Equal("wal", command.ExecuteScalar());
        SqliteConnection.ClearAllPools();
    }

    [Fact]
    public void AFileThatIsNoJournal_IsAClearError()
    {
        File.WriteAllText(Path.Combine(_folder, SqliteJournal.FileName), "this is no database, and long enough to be read as one ".PadRight(4096, '.'));
        var error = Assert.Throws<UserErrorException>(() => new SqliteJournal(_folder).Prepare("volley"));
        Assert.Contains(SqliteJournal.FileName, error.Message, StringComparison.Ordinal);
        SqliteConnection.ClearAllPools();
    }

    [Fact]
    public void AFolderThatCannotBeMade_IsAClearError()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        var error = Assert.Throws<UserErrorException>(() => new SqliteJournal(Path.Combine(file, "journal")).Prepare("volley"));
        Assert.Contains("journal", error.Message, StringComparison.Ordinal);
    }
}

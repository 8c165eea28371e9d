using Volley.Coordinator.Journal;
using Volley.Shared;

namespace Volley.Coordinator.Tests.Journal;

public sealed class JournalOptionTests
{
    private const string Secret = "very-secret";

    [Fact]
    public void Sqlite_IsAFileOfTheDataFolder()
    {
        var journal = JournalOption.Parse("sqlite", "/data/journal", null);
        Assert.False(journal.IsShared);
        Assert.Contains("/data/journal/journal.db", journal.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData($"postgres://me:{Secret}@db.lab:6432/sweeps", null, "db.lab:6432, database sweeps")]
    [InlineData("postgresql://me@db.lab/sweeps", Secret, "db.lab:5432, database sweeps")]
    [InlineData($"postgres://me:{Secret}@10.0.0.1/sweeps?sslmode=verify-full", "ignored", "10.0.0.1:5432, database sweeps")]
    public void Postgres_TakesThePasswordFromTheAddressOrTheEnvironment_AndShowsItNowhere(string text, string? password, string expected)
    {
        var journal = JournalOption.Parse(text, "/data", password);
        Assert.True(journal.IsShared);
        Assert.Equal($"postgres at {expected}", journal.Description);
        Assert.Contains(Secret, journal.Hocon(), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, journal.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mysql://me:very-secret@db/x")]
    [InlineData("postgres://me:very-secret@db")]
    [InlineData("postgres://db/x")]
    [InlineData("postgres://me:very-secret@db/x/y")]
    [InlineData("postgres://me:very-secret@db/x?options=y")]
    [InlineData("file.db")]
    [InlineData("")]
    public void AnythingElse_IsRefused_WithoutRepeatingAPassword(string text)
    {
        var error = Assert.Throws<UserErrorException>(() => JournalOption.Parse(text, "/data", null));
        Assert.StartsWith("--journal", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, error.Message, StringComparison.Ordinal);
    }
}

using Volley.Coordinator.Hosting;
using Volley.Coordinator.Journal;
using Volley.Shared;
using Volley.TestKit;

namespace Volley.Coordinator.Tests.Journal;

public sealed class PostgresJournalTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    [Fact]
    public async Task CoordinatorsThatStartTogether_MakeOneJournal()
    {
        await server.CreateDatabaseAsync("together");
        var stop = TestContext.Current.CancellationToken;
        var identities = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Journal("together").PrepareAsync("lab", stop)));
        Assert.Single(identities.Distinct());
        await Journal("together").ProbeAsync(stop);

        var error = await Assert.ThrowsAsync<UserErrorException>(() => JournalStart.PrepareAsync(Journal("together"), "other", _ => { }, TimeProvider.System, stop));
        Assert.Contains("--cluster-name lab", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWrongPasswordAndAMissingDatabase_AreOneClearError_WithoutThePassword()
    {
        var stop = TestContext.Current.CancellationToken;
        foreach (var url in new[] { $"postgres://{PostgresServer.User}:not-the-password@127.0.0.1:{server.Port}/postgres", server.Url("nowhere") })
        {
            var error = await Assert.ThrowsAsync<UserErrorException>(() => JournalStart.PrepareAsync(JournalOption.Parse(url, "/data", null), "lab", _ => { }, TimeProvider.System, stop));
            Assert.Contains($"127.0.0.1:{server.Port}", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("not-the-password", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(PostgresServer.Password, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A server that is down is a matter of waiting, not of the person.</summary>
    [Fact]
    public async Task AServerThatIsNotThere_IsWaitedFor_AndSaidSo()
    {
        var lines = new List<string>();
        using var impatience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var nobody = JournalOption.Parse("postgres://me:secret@127.0.0.1:1/x", "/data", null);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => JournalStart.PrepareAsync(nobody, "lab", line =>
        {
            lines.Add(line);
            impatience.Cancel();
        }, TimeProvider.System, impatience.Token));
        Assert.Contains("127.0.0.1:1", Assert.Single(lines), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", lines[0], StringComparison.Ordinal);
    }

    private IJournalStore Journal(string database) => JournalOption.Parse(server.Url(database), "/data", null);
}

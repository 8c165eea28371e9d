using System.Net;
using Volley.Coordinator.Client;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Tests.Client;

/// <summary>What may answer at an address, and what a person hears of it.</summary>
public sealed class ApiConnectionTests
{
    private const string Page = """{"nodes":[]}""";

    private readonly List<string> _said = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NobodyThere_IsOneSentence()
    {
        string address;
        using (var gone = new ScriptedServer([[]])) address = gone.Address;
        var error = await Assert.ThrowsAsync<UnreachableException>(() => AskAsync(address));
        Assert.StartsWith($"No coordinator answers at {address}: Connection refused", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Empty(_said);
    }

    [Fact]
    public async Task AMachineThatNobodyKnows_IsOneSentence() =>
        Assert.Contains("no machine of that name is known", (await Assert.ThrowsAsync<UnreachableException>(() => AskAsync("no-such-machine.invalid:7070"))).Message, StringComparison.Ordinal);

    public static TheoryData<string, string> Strangers => new()
    {
        { "SSH-2.0-OpenSSH_9.2\r\n", "is no Volley coordinator" },
        { "", "is no Volley coordinator" },
        { "\u0015\u0003\u0001\u0000\u0002\u0002\u0046", "is no Volley coordinator" },
        { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello", "is no Volley coordinator (HTTP 200)" },
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "is no Volley coordinator (HTTP 404)" },
    };

    [Theory]
    [MemberData(nameof(Strangers))]
    public async Task SomethingElse_IsNoCoordinator(string answer, string expected)
    {
        using var server = new ScriptedServer(ScriptedServer.Bytes(answer));
        var error = await Assert.ThrowsAsync<UnreachableException>(() => AskAsync(server.Address));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(server.Address, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherVersion_IsNamed()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer(200, "application/json", Page, version: "9.8.7"));
        Assert.Contains("is Volley 9.8.7", (await Assert.ThrowsAsync<UnreachableException>(() => AskAsync(server.Address))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"nodes":null}""")]
    public async Task AnAnswerThatIsNone_IsExplained(string body)
    {
        using var server = new ScriptedServer(ScriptedServer.Answer(200, "application/json", body));
        await Assert.ThrowsAsync<UnreachableException>(() => AskAsync(server.Address));
    }

    [Fact]
    public async Task Silence_EndsAfterItsTime()
    {
        using var server = new ScriptedServer(null as byte[]);
        var error = await Assert.ThrowsAsync<UnreachableException>(() => AskAsync(server.Address, new ClientPatience(TimeSpan.FromMilliseconds(200), TimeSpan.Zero, TimeSpan.Zero)));
        Assert.Contains("nothing within", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARefusal_IsTheServersSentence()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer(409, "application/problem+json", """{"status":409,"title":"Not possible now","detail":"The sweep is cancelled."}"""));
        var error = await Assert.ThrowsAsync<ApiException>(() => AskAsync(server.Address));
        Assert.Equal(("The sweep is cancelled.", HttpStatusCode.Conflict, true), (error.Message, error.Status, error.IsFailure));
    }

    [Theory]
    [InlineData(500, true)]
    [InlineData(400, false)]
    [InlineData(404, false)]
    public async Task ARefusalWithoutWords_NamesItsStatus(int status, bool isFailure)
    {
        using var server = new ScriptedServer(ScriptedServer.Answer(status, "text/plain", "oops"));
        var error = await Assert.ThrowsAsync<ApiException>(() => AskAsync(server.Address));
        Assert.Contains($"HTTP {status}", error.Message, StringComparison.Ordinal);
        Assert.Equal(isFailure, error.IsFailure);
    }

    [Fact]
    public async Task ACoordinatorThatRecovers_IsWaitedFor_AndOneLineSaysSo()
    {
        var busy = ScriptedServer.Answer(503, "application/problem+json", """{"status":503,"title":"x","detail":"It is recovering."}""", more: "Retry-After: 1\r\n");
        using var server = new ScriptedServer(busy, busy, busy, ScriptedServer.Answer(200, "application/json", Page));
        Assert.Empty((await AskAsync(server.Address)).Nodes);
        Assert.Equal(4, server.Asked);
        Assert.Contains("is not ready", Assert.Single(_said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACoordinatorThatDoesNotRecover_IsGivenUp()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer(503, "application/problem+json", """{"status":503,"title":"x","detail":"The journal's disk is full."}"""));
        var error = await Assert.ThrowsAsync<ApiException>(() => AskAsync(server.Address, Short with { Recovery = TimeSpan.FromMilliseconds(50) }));
        Assert.Equal(("The journal's disk is full.", true), (error.Message, error.IsFailure));
    }

    [Fact]
    public async Task WhereOneOfSeveralIsGone_TheNextIsAsked()
    {
        string gone;
        using (var ended = new ScriptedServer([[]])) gone = ended.Address;
        using var server = new ScriptedServer(ScriptedServer.Answer(200, "application/json", Page));
        Assert.Empty((await AskAsync($"{gone},{server.Address}")).Nodes);
        Assert.Empty(_said);
    }

    /// <summary>It answered before, so it is restarting: the watch goes on.</summary>
    [Fact]
    public async Task ACoordinatorThatWentAway_IsWaitedFor()
    {
        var answer = ScriptedServer.Answer(200, "application/json", Page);
        using var server = new ScriptedServer(answer, answer[..^3], answer[..^3], answer);      // killed in the middle of an answer
        using var connection = Connect(server.Address, Short);
        await connection.GetAsync<NodePage>("/api/v1/nodes", Stop);
        await connection.GetAsync<NodePage>("/api/v1/nodes", Stop);
        Assert.Equal(4, server.Asked);
        Assert.Contains("does not answer", Assert.Single(_said), StringComparison.Ordinal);
    }

    /// <summary>A copy of a sweep that may have been made is not made again.</summary>
    [Fact]
    public async Task WhatMustNotBeDoneTwice_IsNotAskedTwice()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer(200, "application/json", Page), [], ScriptedServer.Answer(200, "application/json", Page));
        using var connection = Connect(server.Address, Short);
        await connection.GetAsync<NodePage>("/api/v1/nodes", Stop);
        var error = await Assert.ThrowsAsync<UnreachableException>(() => connection.PostAsync<NodePage>("/api/v1/sweeps", new ReasonRequest("x"), isRepeatable: false, Stop));
        Assert.Contains("may have done this or not", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, server.Asked);
    }

    private static ClientPatience Short => new(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(10));

    private ApiConnection Connect(string address, ClientPatience patience) => new(CoordinatorAddress.Of(address, null), patience, TimeProvider.System, _said.Add);

    private async Task<NodePage> AskAsync(string address, ClientPatience? patience = null)
    {
        using var connection = Connect(address, patience ?? Short);
        return await connection.GetAsync<NodePage>("/api/v1/nodes", Stop);
    }
}

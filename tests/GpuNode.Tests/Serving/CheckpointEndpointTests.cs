using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Volley.GpuNode.Serving;
using Volley.Shared;
using Volley.Shared.Checkpoints;

namespace Volley.GpuNode.Tests.Serving;

public sealed class CheckpointEndpointTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryFileOfACheckpoint_IsServed_WithItsHashAsEntityTag()
    {
        await using var fixture = await ServerFixture.StartAsync();
        var written = fixture.Checkpoint(12);
        var manifest = await fixture.Client.GetAsync($"/checkpoints/sweep/7/{written.RelativePath}/manifest.json", Stop);
        var json = await manifest.Content.ReadAsByteArrayAsync(Stop);
        Assert.Equal($"\"{written.ManifestSha256}\"", manifest.Headers.ETag!.Tag);
        Assert.Equal(written.ManifestSha256, Convert.ToHexStringLower(SHA256.HashData(json)));
        foreach (var file in CheckpointManifest.Parse(json, "served").Files)
        {
            var answer = await fixture.Client.GetAsync($"/checkpoints/sweep/7/{written.RelativePath}/{file.Name}", Stop);
            var bytes = await answer.Content.ReadAsByteArrayAsync(Stop);
            Assert.Equal((file.Bytes, file.Sha256), (bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))));
            Assert.Equal($"\"{file.Sha256}\"", answer.Headers.ETag!.Tag);

            var known = new HttpRequestMessage(HttpMethod.Get, answer.RequestMessage!.RequestUri);
            known.Headers.IfNoneMatch.Add(answer.Headers.ETag);
            Assert.Equal(HttpStatusCode.NotModified, (await fixture.Client.SendAsync(known, Stop)).StatusCode);
        }
    }

    /// <summary>Raw requests: an HTTP client would tidy such paths up before it sends them.</summary>
    [Theory]
    [InlineData("/checkpoints/sweep/7/12.a1/../../../secret")]
    [InlineData("/checkpoints/sweep/7/12.a1/..%2f..%2f..%2fsecret")]
    [InlineData("/checkpoints/sweep/7/12.a1/%2e%2e/%2e%2e/%2e%2e/secret")]
    [InlineData("/checkpoints/../../secret/7/12.a1/manifest.json")]
    [InlineData("/checkpoints/sweep/7/../manifest.json")]
    [InlineData("/checkpoints/sweep/-7/12.a1/manifest.json")]
    [InlineData("/checkpoints/sweep/0x7/12.a1/manifest.json")]
    [InlineData("/checkpoints/Sweep%00/7/12.a1/manifest.json")]
    [InlineData("/checkpoints/sweep/7/12.a1.tmp/manifest.json")]
    [InlineData("/checkpoints/sweep/7/12.a1/unlisted")]
    [InlineData("/checkpoints/sweep/7/12.a1/")]
    [InlineData("/checkpoints/sweep/7/99.a1/manifest.json")]
    [InlineData("/checkpoints/sweep/8/12.a1/manifest.json")]
    [InlineData("/checkpoints/linked/7/12.a1/manifest.json")]
    [InlineData("/checkpoints/sweep/7/13.a1/optimizer.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("/")]
    public async Task WhatNoManifestNames_IsNotServed(string path)
    {
        await using var fixture = await ServerFixture.StartAsync();
        fixture.Checkpoint(12);
        var stray = fixture.Checkpoint(13);
        await File.WriteAllTextAsync(Path.Combine(fixture.TrialRoot(), "12.a1", "unlisted"), "secret", Stop);
        await File.WriteAllTextAsync(Path.Combine(fixture.Folder, "secret"), "secret", Stop);
        Directory.CreateSymbolicLink(Path.Combine(fixture.CheckpointRoot, "linked"), Path.Combine(fixture.CheckpointRoot, "sweep"));
        var listed = Path.Combine(fixture.TrialRoot(), stray.RelativePath, "optimizer.safetensors");
        File.Delete(listed);
        File.CreateSymbolicLink(listed, Path.Combine(fixture.Folder, "secret"));

        var answer = await RawAsync(fixture, $"GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
        Assert.Contains(answer.Split(' ')[1], new[] { "404", "400" });
        Assert.DoesNotContain("secret", answer[answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)..]);
    }

    [Theory]
    [InlineData("rubbish\r\n\r\n")]
    [InlineData("POST /checkpoints/sweep/7/12.a1/manifest.json HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Length: 1000000000\r\n\r\n")]
    [InlineData("DELETE /checkpoints/sweep/7/12.a1/manifest.json HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")]
    public async Task Rubbish_IsRefused_AndTheServerGoesOn(string request)
    {
        await using var fixture = await ServerFixture.StartAsync();
        fixture.Checkpoint(12);
        Assert.StartsWith("HTTP/1.1 4", await RawAsync(fixture, request));
        Assert.Equal(HttpStatusCode.OK, (await fixture.Client.GetAsync("/healthz", Stop)).StatusCode);
        Assert.True(File.Exists(Path.Combine(fixture.TrialRoot(), "12.a1", "manifest.json")));
    }

    [Fact]
    public async Task ADamagedManifest_IsSaid_AndNothingOfItServed()
    {
        await using var fixture = await ServerFixture.StartAsync();
        fixture.Checkpoint(12);
        await File.WriteAllTextAsync(Path.Combine(fixture.TrialRoot(), "12.a1", "manifest.json"), "{", Stop);
        var answer = await fixture.Client.GetAsync("/checkpoints/sweep/7/12.a1/model.safetensors", Stop);
        Assert.Equal(HttpStatusCode.Gone, answer.StatusCode);
        Assert.Contains("no checkpoint manifest", await answer.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task ReadersThatStall_TakeTheirOwnPlacesOnly()
    {
        await using var fixture = await ServerFixture.StartAsync();
        var written = fixture.Checkpoint(12);
        // Larger than every buffer between the file and a reader that never reads.
        var big = Path.Combine(fixture.TrialRoot(), written.RelativePath, "model.safetensors");
        await using (var file = new FileStream(big, FileMode.Open)) file.SetLength(256 << 20);
        var manifest = $"/checkpoints/sweep/7/{written.RelativePath}/manifest.json";
        var stalled = new List<TcpClient>();
        try
        {
            for (var i = 0; i < CheckpointEndpoint.MaxTransfers; i++)
            {
                var client = await ConnectAsync(fixture);
                stalled.Add(client);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET /checkpoints/sweep/7/{written.RelativePath}/model.safetensors HTTP/1.1\r\nHost: agent\r\n\r\n"), Stop);
                await client.GetStream().ReadExactlyAsync(new byte[1], Stop);       // it is being served
            }
            Assert.Equal(HttpStatusCode.OK, (await fixture.Client.GetAsync("/healthz", Stop)).StatusCode);
            // One more is told so instead of waiting for them.
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await fixture.Client.GetAsync(manifest, Stop)).StatusCode);
        }
        finally
        {
            foreach (var client in stalled) client.Dispose();
        }
        HttpStatusCode last;
        do last = (await fixture.Client.GetAsync(manifest, Stop)).StatusCode;       // each try waits for a place
        while (last == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, last);
    }

    [Fact]
    public async Task EveryAddress_IsAnnouncedAsTheOneThatOthersReach()
    {
        await using var fixture = await ServerFixture.StartAsync(IPAddress.Any, announced: "127.0.0.1");
        Assert.Matches("^127\\.0\\.0\\.1:[1-9][0-9]*$", fixture.Server.Address);
        Assert.Contains("\"node\":\"n1\"", await fixture.Client.GetStringAsync("/healthz", Stop));
    }

    [Fact]
    public async Task ATakenPort_IsOneClearError()
    {
        await using var fixture = await ServerFixture.StartAsync();
        var taken = IPEndPoint.Parse(fixture.Server.Address);
        var settings = new ServingSettings(taken, "127.0.0.1", "n2", "0.1.0", null, fixture.LogDirectory, _ => false, TimeProvider.System);
        var error = await Assert.ThrowsAsync<UserErrorException>(() => AgentHttpServer.StartAsync(settings, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance));
        Assert.Contains($"--http: this agent cannot listen on {taken}", error.Message);
    }

    private static async Task<TcpClient> ConnectAsync(ServerFixture fixture)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(fixture.Server.Address), Stop);
        return client;
    }

    private static async Task<string> RawAsync(ServerFixture fixture, string request)
    {
        using var client = await ConnectAsync(fixture);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Stop);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await reader.ReadToEndAsync(Stop);
    }
}

using System.Text;
using Volley.Shared.Checkpoints;

namespace Volley.Shared.Tests.Checkpoints;

public sealed class CheckpointManifestTests
{
    private static readonly string Hash = new('a', 64);
    private static readonly CheckpointManifest Example = new(1200, 3, 4, 17, 0.8125, [new("model.safetensors", 123456, Hash), new("state.json", 0, Hash)]);

    // Written by version 1; must stay readable for as long as the version is 1.
    private static readonly string OldBytes = $$"""
        {"format":"volley-checkpoint","version":1,"step":1200,"attempt":3,"epoch":4,"step_in_epoch":17,"objective_value":0.8125,
         "files":[{"name":"model.safetensors","bytes":123456,"sha256":"{{Hash}}"},{"name":"state.json","bytes":0,"sha256":"{{Hash}}"}]}
        """;

    [Fact]
    public void Json_GoesBothWays()
    {
        var read = CheckpointManifest.Parse(Example.ToJson(), "here");
        Assert.Equal(Example with { Files = read.Files }, read);
        Assert.Equal(Example.Files.AsEnumerable(), read.Files);
    }

    [Fact]
    public void OldBytes_AreStillRead() =>
        Assert.Equal(Example.ToJson(), CheckpointManifest.Parse(Encoding.UTF8.GetBytes(OldBytes), "here").ToJson());

    [Theory]
    [InlineData("", "no checkpoint manifest")]
    [InlineData("[]", "no checkpoint manifest")]
    [InlineData("""{"format":"other"}""", "must be 'volley-checkpoint'")]
    [InlineData("""{"format":"volley-checkpoint","version":2}""", "has version 2, this Volley reads version 1")]
    [InlineData("""{"format":"volley-checkpoint","version":1,"step":1,"attempt":1,"epoch":0}""", "no checkpoint manifest")]
    [InlineData("""{"format":"volley-checkpoint","version":1,"step":-1,"attempt":1,"epoch":0,"step_in_epoch":0,"files":[]}""", "negative")]
    [InlineData("""{"format":"volley-checkpoint","version":1,"step":1,"attempt":1,"epoch":0,"step_in_epoch":0,"files":[{"name":"../x","bytes":1,"sha256":"a"}]}""", "'../x'")]
    [InlineData("""{"format":"volley-checkpoint","version":1,"step":1,"attempt":1,"epoch":0,"step_in_epoch":0,"files":[{"name":"x","bytes":1,"sha256":"a"}]}""", "SHA-256 of 'x'")]
    public void Parse_RefusesWhatIsNoManifest(string json, string expected)
    {
        var wrong = Assert.Throws<UserErrorException>(() => CheckpointManifest.Parse(Encoding.UTF8.GetBytes(json), "dir/manifest.json"));
        Assert.StartsWith("dir/manifest.json: ", wrong.Message, StringComparison.Ordinal);
        Assert.Contains(expected, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1200.a3", 1200L, 3)]
    [InlineData("0.a0", 0L, 0)]
    public void Name_GoesBothWays(string text, long step, int attempt)
    {
        Assert.Equal(new CheckpointName(step, attempt), CheckpointName.TryParse(text));
        Assert.Equal(text, new CheckpointName(step, attempt).ToString());
    }

    [Theory]
    [InlineData("1200.a3.tmp")]
    [InlineData("x.a3")]
    [InlineData("1200")]
    [InlineData("-1.a3")]
    [InlineData("99999999999999999999.a1")]
    public void Name_IsNothingElse(string text) => Assert.Null(CheckpointName.TryParse(text));

    [Fact]
    public void ALaterAttempt_IsNewer_WhateverItsStep() =>
        Assert.True(new CheckpointName(50, 2).CompareTo(new CheckpointName(100, 1)) > 0);
}

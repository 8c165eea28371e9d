using System.Text.Json.Nodes;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Tests.Config.Yaml;

namespace Volley.Shared.Tests.Config;

public sealed class ConfigJsonTests
{
    [Theory]
    [InlineData("{ name: resnet18, width: 16 }")]
    [InlineData("{ name: vit-4-384, dropout: 0.1 }")]
    [InlineData("{ name: sdt-2-512, neuron: plif, tau: 3 }")]
    [InlineData("{ name: spikformer, encoder: poisson }")]
    public void TrialSpec_ComesBackFromJson(string model)
    {
        var trial = TrialResolver.ResolveOnly(SweepFile.Parse("seed: 18446744073709551615\n" + SweepFileTests.Minimal(model), "x"));

        var again = ConfigJson.Deserialize(ConfigJson.Serialize(trial));

        Assert.Equal(trial.Train.Model, again.Train.Model);
        Assert.Equal(trial.DataSeed, again.DataSeed);
        Assert.Equal(ConfigJson.Serialize(trial), ConfigJson.Serialize(again));
        Assert.Equal(trial.ConfigHash(), again.ConfigHash());
    }

    /// <summary>Settings that came later and decide no number: where they have their default, configurations keep the hash they had.</summary>
    [Fact]
    public void ReplaceWait_IsWritten_OnlyWhereItIsNotTheDefault()
    {
        var spec = TrialResolver.ResolveOnly(SweepFile.Parse(SweepFileTests.Minimal(), "x"));
        var hasty = spec with { Resources = spec.Resources with { ReplaceWait = 0 } };

        Assert.DoesNotContain("replace_wait", ConfigJson.Serialize(spec), StringComparison.Ordinal);
        Assert.Equal(10, ConfigJson.Deserialize(ConfigJson.Serialize(spec)).Resources.ReplaceWait);
        Assert.Contains("\"replace_wait\":0", ConfigJson.Serialize(hasty), StringComparison.Ordinal);
        Assert.Equal(0, ConfigJson.Deserialize(ConfigJson.Serialize(hasty)).Resources.ReplaceWait);
    }

    [Fact]
    public void Deserialize_RefusesSettingsItDoesNotKnow()
    {
        var json = ConfigJson.Serialize(TrialResolver.ResolveOnly(SweepFile.Parse(SweepFileTests.Minimal(), "x")));
        var newer = json.Replace("\"epochs\":", "\"epochs_squared\":1,\"epochs\":", StringComparison.Ordinal);

        Assert.Contains("epochs_squared", Assert.Throws<ConfigException>(() => ConfigJson.Deserialize(newer)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"number\":1}")]
    public void Deserialize_RefusesWhatIsNoTrial(string json) => Assert.Throws<ConfigException>(() => ConfigJson.Deserialize(json));

    [Theory]
    [InlineData("1", "1")]
    [InlineData("1.0", "1")]
    [InlineData("1e0", "1")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("1e-5", "1E-05")]
    [InlineData("0.00001", "1E-05")]
    [InlineData("0.1", "0.1")]
    [InlineData("0.10000000000000001", "0.1")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("1E+300", "1E+300")]
    public void Number_HasOneTextPerValue(string literal, string canonical) => Assert.Equal(canonical, CanonicalJson.Number(literal));

    [Fact]
    public void CanonicalJson_SortsKeys_AndDropsNulls() =>
        Assert.Equal("""{"A":[1,{"x":true}],"a":"ü\"\\n","b":0.5}""".Replace("\\\\n", "\\n"),
            CanonicalJson.Of(JsonNode.Parse("""{ "b": 5e-1, "a": "\u00fc\"\n", "z": null, "A": [1.0, { "x": true }] }""")));

    /// <summary>Digests are compared between versions and machines: these bytes are part of the format. Computed by sha256sum.</summary>
    [Fact]
    public void CanonicalJson_HashesItsUtf8Bytes() =>
        Assert.Equal("54044cf3a37c98386fafe2b7fb0f8cf493a5d9797684f12393d6df2ade605cdb", CanonicalJson.Sha256(JsonNode.Parse("""{ "b": [1.0, 0.1, 1e-5], "a": "µ" }""")));

    [Fact]
    public void CanonicalJson_OfARecord_EqualsThatOfItsParsedText()
    {
        var trial = TrialResolver.ResolveOnly(SweepFile.Parse(SweepFileTests.Minimal(train: "  optimizer: { lr: 1.5e-7 }\n  schedule: { min_lr: 0 }"), "x"));

        Assert.Equal(CanonicalJson.Of(trial), CanonicalJson.Of(JsonNode.Parse(ConfigJson.Serialize(trial))));
    }

    [Theory]
    [InlineData("{\"a\":0.1,\"b\":\"x\",\"c\":true,\"d\":12}")]
    [InlineData("{\"a\":\"1.0e-4\",\"b\":\"01\"}")]
    [InlineData("{}")]
    public void Assignment_ComesBackAsItWasWritten(string json) => Assert.Equal(json, Assignment.FromJson(json).ToJson());

    [Fact]
    public void NearestKey_CountsExchangedNeighboursOnce_AndIgnoresDashes()
    {
        Assert.Equal(1, NearestKey.Distance("lerning", "learning"));
        Assert.Equal(1, NearestKey.Distance("wieght", "weight"));
        Assert.Equal(0, NearestKey.Distance("Weight-Decay", "weight_decay"));
        Assert.Null(NearestKey.Of("zzz", ["lr", "name"]));
    }
}

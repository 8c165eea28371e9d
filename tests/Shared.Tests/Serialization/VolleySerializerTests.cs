using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Volley.Shared.Messages;
using Volley.Shared.Results;
using Volley.Shared.Serialization;
using Volley.Shared.Serialization.Wire;

namespace Volley.Shared.Tests.Serialization;

public sealed class VolleySerializerTests
{
    public static TheoryData<string> Names => [.. MessageSamples.Typical.Select(message => message.GetType().Name)];

    [Fact]
    public void EveryMessageTypeHasASampleAndAManifestOfItsOwn()
    {
        var types = typeof(IVolleyMessage).Assembly.GetTypes().Where(type => type.IsClass && type.IsAssignableTo(typeof(IVolleyMessage))).ToHashSet();
        Assert.Equal(types, MessageSamples.Typical.Select(message => message.GetType()).ToHashSet());
        Assert.Equal(types, MessageSamples.Largest.Select(message => message.GetType()).ToHashSet());
        Assert.Equal(types.Count, VolleySerializer.Manifests.Distinct().Count());
        Assert.All(types, type => Assert.True(type.IsSealed));
    }

    [Theory, MemberData(nameof(Names))]
    public void AMessageComesBackEqual_ThroughAnActorSystemsSerialization(string name)
    {
        using var system = ActorSystem.Create("volley", ConfigurationFactory.ParseString(VolleySerializer.Hocon + "\nakka.loglevel = OFF\nakka.stdout-loglevel = OFF"));
        var sent = Sample(name);
        var serializer = Assert.IsType<VolleySerializer>(system.Serialization.FindSerializerFor(sent));
        var received = system.Serialization.Deserialize(serializer.ToBinary(sent), VolleySerializer.Id, serializer.Manifest(sent));
        Assert.Equal(sent, received);
        Assert.NotSame(sent, received);
    }

    [Fact]
    public void LaterFields_ComeBackEqual()
    {
        foreach (var sample in MessageSamples.Later)
        {
            var manifest = WireFixtures.Read()[sample.GetType().Name].Manifest;
            Assert.Equal(sample, VolleySerializer.Deserialize(VolleySerializer.Serialize(sample), manifest));
            Assert.NotEqual(Sample(sample.GetType().Name), sample);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void TheBytesOfTheFirstReleaseAreStillWrittenAndRead(string name)
    {
        var sample = Sample(name);
        var (manifest, bytes) = WireFixtures.Read()[name];
        Assert.Equal(sample, VolleySerializer.Deserialize(bytes, manifest));
        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(VolleySerializer.Serialize(sample)));
    }

    /// <summary>The samples are the first release's, so that its bytes stay what they were; what came later travels too.</summary>
    [Fact]
    public void FieldsOfLaterReleases_TravelToo()
    {
        var registration = MessageSamples.Typical.OfType<RegisterNode>().Single() with { AgentPid = 4709 };
        Assert.Equal(registration, VolleySerializer.Deserialize(VolleySerializer.Serialize(registration), "register-node.v1"));
    }

    [Fact]
    public void NoMessageIsLargerThan64KB()
    {
        foreach (var message in MessageSamples.Largest)
        {
            var bytes = VolleySerializer.Serialize(message);
            Assert.True(bytes.Length <= MessageLimits.MaxBytes, $"{message.GetType().Name}: {bytes.Length} bytes");
        }
    }

    [Fact]
    public void AMessageThatIsTooLargeIsRefusedWithItsNameAndSize()
    {
        var sample = MessageSamples.Typical.OfType<StartRank>().Single();
        var error = Assert.Throws<SerializationException>(() => VolleySerializer.Serialize(sample with { SpecJson = new string('x', MessageLimits.MaxBytes) }));
        Assert.Contains("StartRank", error.Message, StringComparison.Ordinal);
        Assert.Contains("65536", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownManifestIsRefused()
    {
        var error = Assert.Throws<SerializationException>(() => VolleySerializer.Deserialize([], "start-rank.v99"));
        Assert.Contains("start-rank.v99", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownEnumValueIsRefused()
    {
        // Field 4 of StopRankWire, value 9.
        Assert.Throws<FormatException>(() => VolleySerializer.Deserialize([0x12, 0x02, 0x0a, 0x00, 0x20, 0x09], "stop-rank.v1"));
    }

    [Fact]
    public void ASecret_IsNeverPrinted()
    {
        var form = MessageSamples.Typical.OfType<FormGroup>().Single();
        Assert.DoesNotContain(Convert.ToHexStringLower(form.Secret.Value.Span)[..8], form.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Convert.ToBase64String(form.Secret.Value.Span)[..8], System.Text.Json.JsonSerializer.Serialize(form), StringComparison.Ordinal);
        Assert.Contains("(secret)", form.ToString(), StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => GroupSecret.Of(new byte[31]));
    }

    [Fact]
    public void ATypeWithoutABindingIsNotSent()
    {
        using var system = ActorSystem.Create("volley", ConfigurationFactory.ParseString(VolleySerializer.Hocon + "\nakka.loglevel = OFF\nakka.stdout-loglevel = OFF"));
        Assert.ThrowsAny<Exception>(() => system.Serialization.FindSerializerFor(new Uri("http://localhost")));
    }

    [Fact]
    public void EnumsEqualTheirWireValues()
    {
        Assert.All(Enum.GetValues<RankEnd>(), value => Assert.True(Enum.IsDefined((RankEndWire)value)));
        Assert.All(Enum.GetValues<StopMode>(), value => Assert.True(Enum.IsDefined((StopModeWire)value)));
    }

    /// <summary>A property of a result that the wire forgets would silently be lost between machines.</summary>
    [Theory]
    [InlineData(typeof(Evaluation), typeof(EvaluationWire))]
    [InlineData(typeof(EpochMetrics), typeof(EpochMetricsWire))]
    [InlineData(typeof(ModelCost), typeof(ModelCostWire))]
    [InlineData(typeof(LatencyFigures), typeof(LatencyFiguresWire))]
    [InlineData(typeof(TrialOutcome), typeof(TrialOutcomeWire))]
    public void EveryPropertyOfAResultHasAWireField(Type record, Type wire)
    {
        var properties = record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => property.Name).Order();
        var fields = wire.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => !property.Name.StartsWith("Has", StringComparison.Ordinal)).Select(property => property.Name).Order();
        Assert.Equal(properties, fields);
    }

    private static IVolleyMessage Sample(string name) => MessageSamples.Typical.Single(message => message.GetType().Name == name);
}

/// <summary>Bytes as the first release wrote them: a line per message, name, manifest, hex. A line is never edited; a new version gets a new one.</summary>
internal static class WireFixtures
{
    public static IReadOnlyDictionary<string, (string Manifest, byte[] Bytes)> Read([CallerFilePath] string here = "") =>
        File.ReadLines(Path.Combine(Path.GetDirectoryName(here)!, "wire-v1.txt"))
            .Select(line => line.Split(' '))
            .ToDictionary(parts => parts[0], parts => (parts[1], Convert.FromHexString(parts[2])));
}

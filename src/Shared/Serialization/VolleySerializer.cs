using System.Collections.Frozen;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using Google.Protobuf;
using Volley.Shared.Messages;
using Volley.Shared.Serialization.Wire;

namespace Volley.Shared.Serialization;

/// <summary>
/// The one serializer of everything that travels between machines: protobuf under a manifest such as <c>start-rank.v1</c>. The manifest,
/// never a type name, says what the bytes are; a change of meaning gets the next version and keeps reading the old one.
/// </summary>
public sealed class VolleySerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Registered in <see cref="Hocon"/>; for ever.</summary>
    public const int Id = 7301;

    /// <summary>Binds the marker interface, and refuses every type that has no binding instead of sending it as JSON.</summary>
    public const string Hocon = """
        akka.actor {
          serializers.volley = "Volley.Shared.Serialization.VolleySerializer, Shared"
          serialization-bindings { "Volley.Shared.Messages.IVolleyMessage, Shared" = volley }
          serialization-identifiers { "Volley.Shared.Serialization.VolleySerializer, Shared" = 7301 }
          serialization-settings.allow-unregistered-types = off
        }
        """;

    private static readonly Entry[] Entries =
    [
        Entry.Of<RegisterNode, RegisterNodeWire>("register-node.v1", ProtocolWire.ToWire, RegisterNodeWire.Parser, ProtocolWire.FromWire),
        Entry.Of<NodeRegistered, NodeRegisteredWire>("node-registered.v1", ProtocolWire.ToWire, NodeRegisteredWire.Parser, ProtocolWire.FromWire),
        Entry.Of<NodeRefused, NodeRefusedWire>("node-refused.v1", ProtocolWire.ToWire, NodeRefusedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<NodeLeaving, NodeLeavingWire>("node-leaving.v1", ProtocolWire.ToWire, NodeLeavingWire.Parser, ProtocolWire.FromWire),
        Entry.Of<StartRank, StartRankWire>("start-rank.v1", ProtocolWire.ToWire, StartRankWire.Parser, ProtocolWire.FromWire),
        Entry.Of<RankStarted, RankStartedWire>("rank-started.v1", ProtocolWire.ToWire, RankStartedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<StopRank, StopRankWire>("stop-rank.v1", ProtocolWire.ToWire, StopRankWire.Parser, ProtocolWire.FromWire),
        Entry.Of<ProgressReport, ProgressReportWire>("progress-report.v1", ProtocolWire.ToWire, ProgressReportWire.Parser, ProtocolWire.FromWire),
        Entry.Of<EpochReport, EpochReportWire>("epoch-report.v1", ProtocolWire.ToWire, EpochReportWire.Parser, ProtocolWire.FromWire),
        Entry.Of<EpochAccepted, EpochAcceptedWire>("epoch-accepted.v1", ProtocolWire.ToWire, EpochAcceptedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<CheckpointReport, CheckpointReportWire>("checkpoint-report.v1", ProtocolWire.ToWire, CheckpointReportWire.Parser, ProtocolWire.FromWire),
        Entry.Of<CheckpointAccepted, CheckpointAcceptedWire>("checkpoint-accepted.v1", ProtocolWire.ToWire, CheckpointAcceptedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<RetireCheckpoint, RetireCheckpointWire>("retire-checkpoint.v1", ProtocolWire.ToWire, RetireCheckpointWire.Parser, ProtocolWire.FromWire),
        Entry.Of<CheckpointDeleted, CheckpointDeletedWire>("checkpoint-deleted.v1", ProtocolWire.ToWire, CheckpointDeletedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<CopyCheckpoint, CopyCheckpointWire>("copy-checkpoint.v1", ProtocolWire.ToWire, CopyCheckpointWire.Parser, ProtocolWire.FromWire),
        Entry.Of<CheckpointCopied, CheckpointCopiedWire>("checkpoint-copied.v1", ProtocolWire.ToWire, CheckpointCopiedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<RankExited, RankExitedWire>("rank-exited.v1", ProtocolWire.ToWire, RankExitedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<RankExitAccepted, RankExitAcceptedWire>("rank-exit-accepted.v1", ProtocolWire.ToWire, RankExitAcceptedWire.Parser, ProtocolWire.FromWire),
        Entry.Of<AttemptIsStale, AttemptIsStaleWire>("attempt-is-stale.v1", ProtocolWire.ToWire, AttemptIsStaleWire.Parser, ProtocolWire.FromWire),
        Entry.Of<RankReady, RankReadyWire>("rank-ready.v1", ProtocolWire.ToWire, RankReadyWire.Parser, ProtocolWire.FromWire),
        Entry.Of<FormGroup, FormGroupWire>("form-group.v1", ProtocolWire.ToWire, FormGroupWire.Parser, ProtocolWire.FromWire),
        Entry.Of<RankWaiting, RankWaitingWire>("rank-waiting.v1", ProtocolWire.ToWire, RankWaitingWire.Parser, ProtocolWire.FromWire),
    ];

    private static readonly FrozenDictionary<Type, Entry> ByType = Entries.ToFrozenDictionary(entry => entry.Type);
    private static readonly FrozenDictionary<string, Entry> ByManifest = Entries.ToFrozenDictionary(entry => entry.Manifest);

    public override int Identifier => Id;

    /// <summary>Every manifest this version writes or reads.</summary>
    public static IEnumerable<string> Manifests => Entries.Select(entry => entry.Manifest);

    public override string Manifest(object o) => EntryOf(o).Manifest;

    public override byte[] ToBinary(object obj) => Serialize((IVolleyMessage)obj);

    public override object FromBinary(byte[] bytes, string manifest) => Deserialize(bytes, manifest);

    public static byte[] Serialize(IVolleyMessage message)
    {
        var wire = EntryOf(message).ToWire(message);
        var size = wire.CalculateSize();
        if (size > MessageLimits.MaxBytes)
            throw new SerializationException($"{message.GetType().Name} has {size} bytes; at most {MessageLimits.MaxBytes} travel. Its sender must clip it or send it in parts.");
        return wire.ToByteArray();
    }

    public static IVolleyMessage Deserialize(byte[] bytes, string manifest) =>
        ByManifest.TryGetValue(manifest, out var entry)
            ? entry.Parse(bytes)
            : throw new SerializationException($"A message with the manifest '{manifest}' is unknown to this version of Volley: run the same version on every machine.");

    private static Entry EntryOf(object message) =>
        ByType.TryGetValue(message.GetType(), out var entry)
            ? entry
            : throw new SerializationException($"{message.GetType()} has no wire format: add one to {nameof(VolleySerializer)}.");

    private sealed record Entry(Type Type, string Manifest, Func<IVolleyMessage, IMessage> ToWire, Func<byte[], IVolleyMessage> Parse)
    {
        public static Entry Of<TMessage, TWire>(string manifest, Func<TMessage, TWire> toWire, MessageParser<TWire> parser, Func<TWire, TMessage> fromWire)
            where TMessage : IVolleyMessage
            where TWire : IMessage<TWire> =>
            new(typeof(TMessage), manifest, message => toWire((TMessage)message), bytes => fromWire(parser.ParseFrom(bytes)));
    }
}

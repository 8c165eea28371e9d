using System.Collections.Frozen;
using System.Runtime.Serialization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Akka.Actor;
using Akka.Serialization;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Journal;

/// <summary>
/// Events ↔ bytes in the journal: JSON, so that people can read a journal with <c>sqlite3</c>, under a manifest such as
/// <c>trial-created.v1</c>. A change of meaning gets the next version and keeps reading the old one; a new optional property does not.
/// </summary>
internal sealed class JournalSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Registered in <see cref="Hocon"/>; for ever.</summary>
    public const int Id = 7302;

    public const string Hocon = """
        akka.actor {
          serializers.volley-journal = "Volley.Coordinator.Journal.JournalSerializer, volley"
          serialization-bindings {
            "Volley.Coordinator.Sweeps.SweepEvent, volley" = volley-journal
            "Volley.Coordinator.Actors.ManagerEvent, volley" = volley-journal
          }
          serialization-identifiers { "Volley.Coordinator.Journal.JournalSerializer, volley" = 7302 }
        }
        """;

    private static readonly FrozenDictionary<string, Type> TypeByManifest = new Dictionary<string, Type>
    {
        ["cluster-created.v1"] = typeof(ClusterCreated),
        ["manager-term-started.v1"] = typeof(ManagerTermStarted),
        ["sweep-registered.v1"] = typeof(SweepRegistered),
        ["node-set-aside.v1"] = typeof(NodeSetAside),
        ["node-taken-back.v1"] = typeof(NodeTakenBack),
        ["sweep-accepted.v1"] = typeof(SweepAccepted),
        ["sweep-moved.v1"] = typeof(SweepMoved),
        ["term-started.v1"] = typeof(TermStarted),
        ["trial-created.v1"] = typeof(TrialCreated),
        ["attempt-started.v1"] = typeof(AttemptStarted),
        ["epoch-reported.v1"] = typeof(EpochReported),
        ["checkpoint-committed.v1"] = typeof(CheckpointCommitted),
        ["data-seen.v1"] = typeof(DataSeen),
        ["node-avoided.v1"] = typeof(NodeAvoided),
        ["checkpoint-held.v1"] = typeof(CheckpointHeld),
        ["checkpoint-problem-seen.v1"] = typeof(CheckpointProblemSeen),
        ["checkpoint-retired.v1"] = typeof(CheckpointRetired),
        ["checkpoint-removed.v1"] = typeof(CheckpointRemoved),
        ["rank-ended.v1"] = typeof(RankEnded),
        ["group-broken.v1"] = typeof(GroupBroken),
        ["attempt-ended.v1"] = typeof(AttemptEnded),
        ["trial-finished.v1"] = typeof(TrialFinished),
        ["trial-failed.v1"] = typeof(TrialFailed),
        ["trial-reopened.v1"] = typeof(TrialReopened),
        ["trial-cancelled.v1"] = typeof(TrialCancelled),
        ["sweep-extended.v1"] = typeof(SweepExtended),
        ["trial-extended.v1"] = typeof(TrialExtended),
        ["priority-changed.v1"] = typeof(PriorityChanged),
        ["sweep-paused.v1"] = typeof(SweepPaused),
        ["sweep-resumed.v1"] = typeof(SweepResumed),
        ["sweep-cancelled.v1"] = typeof(SweepCancelled),
        ["sweep-finished.v1"] = typeof(SweepFinished),
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<Type, string> ManifestByType = TypeByManifest.ToFrozenDictionary(entry => entry.Value, entry => entry.Key);

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,     // a loss may be NaN
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new TrialSpecConverter() },
    };

    public override int Identifier => Id;

    public static IEnumerable<Type> Types => ManifestByType.Keys;

    public override string Manifest(object o) => ManifestOf(o);

    public override byte[] ToBinary(object obj) => Serialize(obj);

    public override object FromBinary(byte[] bytes, string manifest) => Deserialize(bytes, manifest);

    public static string ManifestOf(object journaled) =>
        ManifestByType.TryGetValue(journaled.GetType(), out var manifest)
            ? manifest
            : throw new SerializationException($"{journaled.GetType()} does not belong into a journal, or lacks a manifest in {nameof(JournalSerializer)}.");

    public static byte[] Serialize(object journaled)
    {
        _ = ManifestOf(journaled);
        return JsonSerializer.SerializeToUtf8Bytes(journaled, journaled.GetType(), Options);
    }

    public static object Deserialize(byte[] bytes, string manifest)
    {
        if (!TypeByManifest.TryGetValue(manifest, out var type))
            throw new SerializationException($"The journal holds an event '{manifest}', unknown to this version of Volley: it was written by a newer one.");
        return JsonSerializer.Deserialize(bytes, type, Options) ?? throw new SerializationException($"An event '{manifest}' in the journal is empty.");
    }
}

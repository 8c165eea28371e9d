using System.Collections.Immutable;
using System.Text.Json;

namespace Volley.Shared.Messages;

/// <summary>
/// What a coordinator says about its cluster at <see cref="Path"/>: agents learn the seed addresses here, at start and whenever they build
/// a new actor system, and see here that the cluster they belong to has been replaced by another.
/// </summary>
public sealed record ClusterView
{
    public const string Path = "/api/v1/cluster";

    /// <summary>Tells a coordinator from anything else that answers in JSON.</summary>
    public const string ProductName = "volley";

    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public string Product { get; init; } = "";

    /// <summary>Of Volley; every machine has the same.</summary>
    public string Version { get; init; } = "";

    public string ClusterName { get; init; } = "";

    /// <summary>In the order that every member uses.</summary>
    public ImmutableArray<string> Seeds { get; init; } = [];

    /// <summary>Coordinators that are members now, as the one that answers sees them. Empty: it has not joined yet.</summary>
    public ImmutableArray<CoordinatorMember> Coordinators { get; init; } = [];

    /// <summary>Is the cluster that answers another one than that of <paramref name="known"/>? Pure.</summary>
    /// <param name="known">The coordinators that the asking agent's actor system knows; empty: it has not joined yet.</param>
    /// <param name="seeds">The seeds that its actor system was built with.</param>
    /// <remarks>A coordinator that was restarted has another uid: alone, it is another cluster; among others that are still known, the same.</remarks>
    public bool IsAnother(IReadOnlyCollection<CoordinatorMember> known, IReadOnlyList<string> seeds) =>
        known.Count == 0
            ? !Seeds.SequenceEqual(seeds)
            : Coordinators.Length > 0 && !Coordinators.Any(known.Contains);
}

/// <param name="Address">Of its actor system.</param>
/// <param name="Uid">One life of that actor system.</param>
public sealed record CoordinatorMember(string Address, long Uid);

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Sweeps;

/// <summary>What a person handed in: enough to plan the sweep again from the journal alone.</summary>
/// <param name="FileName">For messages; the text is what counts.</param>
/// <param name="Text">The YAML.</param>
/// <param name="Overrides"><c>key=value</c>, applied to the text in order.</param>
/// <param name="BaseDirectory">Absolute; what the file's relative paths are relative to. Empty: each agent's <c>--data-root</c>.</param>
/// <param name="CheckpointRoot">Absolute; each trial's checkpoints lie in <c>&lt;number, 4 digits&gt;/</c> under it. Empty: in <c>&lt;sweep&gt;/&lt;number&gt;/</c> under each agent's <c>--checkpoint-root</c>.</param>
/// <param name="DataRoot">Absolute, or empty: the agent's own.</param>
internal sealed record SweepSubmission(
    string Name, string FileName, string Text, ImmutableArray<string> Overrides, string BaseDirectory, string CheckpointRoot, string DataRoot)
{
    /// <summary>Says whether two submissions are the same sweep: the text and what was set on top of it.</summary>
    public string ContentSha256 { get; } = HashOf(Text, Overrides);

    public static string HashOf(string text, ImmutableArray<string> overrides) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\0', [text, .. overrides]))));

    /// <summary>Machines differ in where things lie: what is submitted to a cluster names no absolute path.</summary>
    [JsonIgnore]
    public bool IsForAnyMachine => CheckpointRoot.Length == 0;

    /// <returns>Absolute, or relative to the agent's root: as <see cref="Shared.Messages.StartRank.CheckpointRoot"/>.</returns>
    public string CheckpointRootOf(TrialId trial) => Path.Combine(IsForAnyMachine ? trial.Sweep.Value : CheckpointRoot, $"{trial.Number:D4}");

    public bool Equals(SweepSubmission? other) =>
        other is not null
        && (Name, FileName, ContentSha256, BaseDirectory, CheckpointRoot, DataRoot)
            == (other.Name, other.FileName, other.ContentSha256, other.BaseDirectory, other.CheckpointRoot, other.DataRoot);

    public override int GetHashCode() => ContentSha256.GetHashCode(StringComparison.Ordinal);
}

/// <summary>A submission, understood. Planned anew at each recovery; what it decided before is in the journal.</summary>
internal sealed record SweepPlan(SweepSpec Spec, ISearch Search)
{
    // Trials a search that learns lets run ahead of what it has seen, where the file does not limit how many run at once.
    private const int DefaultWindow = 4;

    public ResourcesSpec Resources => Spec.Resources;

    /// <summary>The same search, going on to so many trials.</summary>
    public SweepPlan WithTrials(int trials)
    {
        var spec = Spec with { Search = Spec.Search with { MaxTrials = trials } };
        return new SweepPlan(spec, Searches.Create(spec));
    }

    /// <summary>W of <see cref="SearchState"/>: fixed for a sweep, so that more machines do not change what is suggested.</summary>
    public int Window => Resources.MaxConcurrent > 0 ? Resources.MaxConcurrent : DefaultWindow;
}

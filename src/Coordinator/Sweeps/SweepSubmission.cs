using System.Collections.Immutable;
using Volley.Coordinator.Search;
using Volley.Shared.Config;

namespace Volley.Coordinator.Sweeps;

/// <summary>What a person handed in: enough to plan the sweep again from the journal alone.</summary>
/// <param name="FileName">For messages; the text is what counts.</param>
/// <param name="Text">The YAML.</param>
/// <param name="Overrides"><c>key=value</c>, applied to the text in order.</param>
/// <param name="BaseDirectory">Absolute; what the file's relative paths are relative to.</param>
/// <param name="CheckpointRoot">Absolute; each trial's checkpoints lie in <c>&lt;number, 4 digits&gt;/</c> under it.</param>
/// <param name="DataRoot">Absolute, or empty: the agent's own.</param>
internal sealed record SweepSubmission(
    string Name, string FileName, string Text, ImmutableArray<string> Overrides, string BaseDirectory, string CheckpointRoot, string DataRoot)
{
    /// <summary>Says whether two submissions are the same sweep: the text and what was set on top of it.</summary>
    public string ContentSha256 { get; } = HashOf(Text, Overrides);

    public static string HashOf(string text, ImmutableArray<string> overrides) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\0', [text, .. overrides]))));

    public string CheckpointRootOf(int trial) => Path.Combine(CheckpointRoot, $"{trial:D4}");

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

    /// <summary>W of <see cref="SearchState"/>: fixed for a sweep, so that more machines do not change what is suggested.</summary>
    public int Window => Resources.MaxConcurrent > 0 ? Resources.MaxConcurrent : DefaultWindow;
}

using System.Globalization;
using System.Text.RegularExpressions;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Serving;

/// <summary>Where the ranks' logs lie: <c>&lt;sweep&gt;/&lt;trial, 4 digits&gt;.a&lt;attempt&gt;.r&lt;rank&gt;.log</c>, and <c>….log.1</c>, the part before it.</summary>
internal sealed partial class RankLogFiles(string directory)
{
    public string PathOf(RankKey key) =>
        Path.Combine(directory, key.Trial.Sweep.Value, string.Create(CultureInfo.InvariantCulture, $"{key.Trial.Number:D4}.a{key.Attempt}.r{key.Rank}.log"));

    public const string EarlierSuffix = ".log.1";

    public static string Earlier(string path) => path + ".1";

    public bool Exists(RankKey key) => File.Exists(PathOf(key));

    /// <returns>Null: no attempt of it ever ran here.</returns>
    public int? NewestAttempt(TrialId trial, int rank)
    {
        var folder = Path.Combine(directory, trial.Sweep.Value);
        if (!Directory.Exists(folder)) return null;
        return Directory.EnumerateFiles(folder, string.Create(CultureInfo.InvariantCulture, $"{trial.Number:D4}.a*.r{rank}.log"))
            .Select(path => Attempt().Match(Path.GetFileName(path)))
            .Where(match => match.Success)
            .Select(match => (int?)int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            .Max();
    }

    [GeneratedRegex(@"\.a([0-9]{1,9})\.r[0-9]+\.log$")]
    private static partial Regex Attempt();
}

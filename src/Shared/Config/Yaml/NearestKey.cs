namespace Volley.Shared.Config.Yaml;

/// <summary>What somebody probably meant.</summary>
public static class NearestKey
{
    /// <returns>The candidate with the smallest edit distance, if it is close enough to be a typing error: a third of the word, at least 2.</returns>
    public static string? Of(string word, IEnumerable<string> candidates)
    {
        var limit = Math.Max(2, word.Length / 3);
        return candidates
            .Select(candidate => (candidate, distance: Distance(word, candidate)))
            .Where(pair => pair.distance <= limit && pair.distance < pair.candidate.Length)
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.candidate, StringComparer.Ordinal)
            .Select(pair => pair.candidate)
            .FirstOrDefault();
    }

    /// <summary>Optimal string alignment: insertions, deletions, substitutions and exchanged neighbours cost 1. Letter case and - _ cost nothing.</summary>
    public static int Distance(string left, string right)
    {
        var (a, b) = (Normal(left), Normal(right));
        var (beforeLast, last, current) = (new int[b.Length + 1], new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++) last[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                current[j] = Math.Min(Math.Min(last[j] + 1, current[j - 1] + 1), last[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    current[j] = Math.Min(current[j], beforeLast[j - 2] + 1);
            }
            (beforeLast, last, current) = (last, current, beforeLast);
        }
        return last[b.Length];
    }

    private static string Normal(string word) => word.ToLowerInvariant().Replace('-', '_');
}

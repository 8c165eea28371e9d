using System.Collections.Immutable;
using System.Text;

namespace Volley.Shared.Messages;

/// <summary>No message is larger than <see cref="MaxBytes"/> (DESIGN §2): Akka.Remote drops large ones with a log line on the sender only.</summary>
public static class MessageLimits
{
    public const int MaxBytes = 64 * 1024;

    /// <summary>A resolved specification is about 2 kB; submission refuses one above this.</summary>
    public const int SpecJsonBytes = 32 * 1024;

    /// <summary>All last log lines together.</summary>
    public const int LogBytes = 16 * 1024;

    /// <summary>An error message.</summary>
    public const int ErrorBytes = 4 * 1024;

    /// <summary>A path.</summary>
    public const int PathBytes = 4 * 1024;

    /// <summary>Of one trial: <see cref="FormGroup"/> names them all.</summary>
    public const int MaxRanks = 256;

    /// <summary>Name of a machine, or its address, in a <see cref="GroupAddress"/>.</summary>
    public const int GroupTextBytes = 96;

    /// <summary>The newest lines that fit, each cut to a quarter of the room so that one endless line does not hide the rest.</summary>
    public static ImmutableArray<string> ClipLines(IReadOnlyList<string> lines, int maxBytes = LogBytes)
    {
        var kept = new List<string>();
        var left = maxBytes;
        for (var i = lines.Count - 1; i >= 0; i--)
        {
            var line = Clip(lines[i], maxBytes / 4);
            left -= Encoding.UTF8.GetByteCount(line) + 4;   // 4: tag and length on the wire
            if (left < 0) break;
            kept.Add(line);
        }
        kept.Reverse();
        return [.. kept];
    }

    /// <summary>The beginning of <paramref name="text"/>, ending in "…" where it was cut, at most <paramref name="maxBytes"/> of UTF-8.</summary>
    public static string Clip(string text, int maxBytes = ErrorBytes)
    {
        if (Encoding.UTF8.GetByteCount(text) <= maxBytes) return text;
        var left = maxBytes - 3;   // the ellipsis
        var end = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            left -= rune.Utf8SequenceLength;
            if (left < 0) break;
            end += rune.Utf16SequenceLength;
        }
        return text[..end] + "…";
    }
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace Volley.Shared.Checkpoints;

/// <summary>A checkpoint's directory: <c>&lt;step&gt;.a&lt;attempt&gt;</c>, for example <c>1200.a3</c>. Attempts only rise, so a zombie's directory never collides with its successor's.</summary>
public sealed partial record CheckpointName(long Step, int Attempt) : IComparable<CheckpointName>
{
    /// <summary>What an unfinished directory ends with; it is never read.</summary>
    public const string TemporarySuffix = ".tmp";

    public string Temporary => this + TemporarySuffix;

    public static CheckpointName? TryParse(string directoryName)
    {
        var match = Pattern().Match(directoryName);
        return match.Success
            && long.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out var step)
            && int.TryParse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture, out var attempt) ? new CheckpointName(step, attempt) : null;
    }

    /// <summary>Later attempts are newer, whatever their step: an attempt may start again from an older checkpoint.</summary>
    public int CompareTo(CheckpointName? other) =>
        other is null ? 1 : Attempt != other.Attempt ? Attempt.CompareTo(other.Attempt) : Step.CompareTo(other.Step);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Step}.a{Attempt}");

    [GeneratedRegex("^([0-9]{1,18})\\.a([0-9]{1,9})$")]
    private static partial Regex Pattern();
}

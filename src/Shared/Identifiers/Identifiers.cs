using System.Globalization;
using System.Text.RegularExpressions;

namespace Volley.Shared.Identifiers;

/// <summary>Names one sweep inside a coordinator, for example <c>sdt-vs-vit-7f3a</c>.</summary>
/// <remarks><c>[a-z0-9-]{1,63}</c>: it is used in paths, URLs and metric labels.</remarks>
public readonly partial record struct SweepId(string Value)
{
    public static bool IsValid(string value) => ValidName().IsMatch(value);

    public override string ToString() => Value;

    [GeneratedRegex("^[a-z0-9-]{1,63}$")]
    private static partial Regex ValidName();
}

/// <summary>Names one configuration of a sweep. Numbers start at 0 and follow the order of creation.</summary>
public readonly record struct TrialId(SweepId Sweep, int Number) : IComparable<TrialId>
{
    /// <returns><c>sweep/0007</c>; the number alone is what people type.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Sweep}/{Number:D4}");

    public int CompareTo(TrialId other) =>
        string.CompareOrdinal(Sweep.Value, other.Sweep.Value) is var bySweep and not 0 ? bySweep : Number.CompareTo(other.Number);
}

/// <summary>Names one agent's machine. Chosen by the operator or taken from the host name.</summary>
public readonly record struct NodeId(string Value)
{
    public override string ToString() => Value;
}

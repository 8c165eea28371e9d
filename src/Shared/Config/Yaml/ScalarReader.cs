using System.Globalization;

namespace Volley.Shared.Config.Yaml;

/// <summary>A scalar as written → the value of a setting, or a message that says what was found and what is required.</summary>
internal static class ScalarReader
{
    /// <returns>null where it cannot be read; then <paramref name="message"/> says why.</returns>
    public static object? Read(ScalarNode scalar, Type type, Setting setting, out string message)
    {
        object? value;
        if (type == typeof(string)) value = ReadText(scalar, setting, out message);
        else if (type == typeof(bool)) value = ReadFlag(scalar, out message);
        else if (type == typeof(double)) value = ReadNumber(scalar, setting.Range, out message);
        else if (type == typeof(int)) value = ReadWhole(scalar, setting.Range, int.MinValue, int.MaxValue, out message) is { } whole ? (int)whole : null;
        else if (type == typeof(long)) value = ReadWhole(scalar, setting.Range, long.MinValue, long.MaxValue, out message);
        else if (type == typeof(ulong)) value = ReadSeed(scalar, out message);
        else throw new InvalidOperationException($"Setting {setting.Key} has type {type}, which no file can hold.");
        return value;
    }

    public static string RequirementOf(Type type, Setting setting) => setting switch
    {
        { Words: { } words } => OneOf(words),
        _ when type == typeof(string) => "text",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(double) => Number("a number", setting.Range),
        _ when type == typeof(ulong) => $"a whole number from 0 to {ulong.MaxValue}",
        _ => Number("a whole number", setting.Range),
    };

    public static string Found(SpaceNode node) => node switch
    {
        ScalarNode { Quoted: false } scalar when IsNull(scalar) => "empty",
        ScalarNode { Quoted: true } scalar => $"the text \"{Short(scalar.Text)}\"",
        ScalarNode scalar => $"\"{Short(scalar.Text)}\"",
        SequenceNode => "a list",
        MappingNode => "a mapping",
        ChooseNode => "a choice (choose:)",
        _ => "a distribution",
    };

    public static bool IsNull(ScalarNode scalar) => !scalar.Quoted && scalar.Text is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>Numbers as YAML writes them, without its infinities and NaN.</summary>
    public static bool TryNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value)
        && text.AsSpan().IndexOfAnyInRange('0', '9') >= 0;

    public static bool TryWhole(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private static string? ReadText(ScalarNode scalar, Setting setting, out string message)
    {
        message = "";
        if (IsNull(scalar)) return Refuse<string>(scalar, RequirementOf(typeof(string), setting) + "; write \"\" for an empty text", out message);
        if (setting.Words is not { } words || words.Names.Contains(scalar.Text)) return scalar.Text;
        message = words.NotYet.Contains(scalar.Text)
            ? $"is \"{scalar.Text}\", which this version does not have yet; there is {Listed(words.Names)}."
            : $"is {Found(scalar)}, must be {OneOf(words)}.{DidYouMean(scalar.Text, words.Names)}";
        return null;
    }

    private static object? ReadFlag(ScalarNode scalar, out string message)
    {
        message = "";
        return scalar is { Quoted: false, Text: "true" or "True" or "TRUE" } ? true
            : scalar is { Quoted: false, Text: "false" or "False" or "FALSE" } ? false
            : Refuse<object>(scalar, "true or false", out message);
    }

    private static object? ReadNumber(ScalarNode scalar, InRangeAttribute? range, out string message)
    {
        message = "";
        if (scalar.Quoted || !TryNumber(scalar.Text, out var value)) return Refuse<object>(scalar, Number("a number", range), out message);
        if (!double.IsFinite(value)) return Refuse<object>(scalar, Number("a finite number", range), out message);
        return range?.Allows(value) == false ? Refuse<object>(scalar, range.Describe(), out message) : value;
    }

    private static long? ReadWhole(ScalarNode scalar, InRangeAttribute? range, long min, long max, out string message)
    {
        message = "";
        var isWhole = !scalar.Quoted && TryWhole(scalar.Text, out var value) && value >= min && value <= max;
        if (!isWhole) { Refuse<object>(scalar, Number("a whole number", range), out message); return null; }
        TryWhole(scalar.Text, out value);
        if (range?.Allows(value) == false) { Refuse<object>(scalar, range.Describe(), out message); return null; }
        return value;
    }

    private static object? ReadSeed(ScalarNode scalar, out string message)
    {
        message = "";
        return !scalar.Quoted && ulong.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : Refuse<object>(scalar, $"a whole number from 0 to {ulong.MaxValue}", out message);
    }

    private static T? Refuse<T>(ScalarNode scalar, string requirement, out string message) where T : class
    {
        var quoted = scalar.Quoted && !requirement.StartsWith("text", StringComparison.Ordinal) ? " Remove the quotes if a value is meant." : "";
        message = $"is {Found(scalar)}, must be {requirement}.{quoted}";
        return null;
    }

    private static string Number(string kind, InRangeAttribute? range) => range is null ? kind : $"{kind} {range.Describe()}";

    private static string OneOf(OneOfAttribute words) => $"one of {Listed(words.Names)}";

    private static string Listed(IReadOnlyList<string> names) => string.Join(", ", names.Select(name => name.Length == 0 ? "\"\"" : name));

    private static string DidYouMean(string word, IEnumerable<string> names) => NearestKey.Of(word, names) is { } near ? $" Did you mean {near}?" : "";

    private static string Short(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= 60 ? line : line[..57] + "…";
    }
}

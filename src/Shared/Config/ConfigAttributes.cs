namespace Volley.Shared.Config;

/// <summary>The values a number may have; every number read must also be finite.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class InRangeAttribute(double min, double max = double.PositiveInfinity) : Attribute
{
    public double Min { get; } = min;
    public double Max { get; } = max;

    /// <summary><see cref="Min"/> itself is not legal.</summary>
    public bool Above { get; init; }

    /// <summary><see cref="Max"/> itself is not legal.</summary>
    public bool Below { get; init; }

    public bool Allows(double value) =>
        (Above ? value > Min : value >= Min) && (Below ? value < Max : value <= Max);

    /// <returns>For example "at least 1", "greater than 0", "from 0 to 0.5", "at least 0 and less than 1".</returns>
    public string Describe() => (Min, Max) switch
    {
        (_, double.PositiveInfinity) => Low,
        _ when !Above && !Below => $"from {Min} to {Max}",
        _ => $"{Low} and {(Below ? "less than" : "at most")} {Max}",
    };

    private string Low => $"{(Above ? "greater than" : "at least")} {Min}";
}

/// <summary>The words a setting may have.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(params string[] names) : Attribute
{
    public IReadOnlyList<string> Names { get; } = names;

    /// <summary>Words the design knows and this version does not do: refused by name, so that nobody looks for a typing error.</summary>
    public string[] NotYet { get; init; } = [];
}

/// <summary>The key in a file where it is not the property's name in snake_case.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ConfigKeyAttribute(string key) : Attribute
{
    public string Key { get; } = key;
}

/// <summary>Not written to JSON where it has this value, its default: configurations of before the setting existed keep their hash.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LeftOutWhenAttribute(object value) : Attribute
{
    public object Value { get; } = value;
}

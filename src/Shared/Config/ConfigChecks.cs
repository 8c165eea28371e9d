using System.Text.Json;

namespace Volley.Shared.Config;

/// <summary>A record with rules between settings. Rules on one value alone are attributes.</summary>
public interface IChecked
{
    void Check(ConfigChecks checks);
}

/// <summary>Collects the broken rules of one resolved configuration.</summary>
/// <param name="unreadable">Settings already reported for themselves: rules about them stay silent.</param>
/// <param name="placeOf">Dotted key → <c>file:line</c>, or empty.</param>
public sealed class ConfigChecks(Func<string, bool> unreadable, Func<string, string> placeOf)
{
    private readonly List<ConfigProblem> _problems = [];

    public ConfigChecks() : this(_ => false, _ => "") { }

    public IReadOnlyList<ConfigProblem> Problems => _problems;

    /// <summary>Where the record that is being checked stands, for example <c>train.model</c>.</summary>
    public string Prefix { get; private set; } = "";

    /// <param name="setting">The property the message is about; it becomes the dotted key under <see cref="Prefix"/>.</param>
    /// <param name="involved">Other properties the rule looks at, or dotted keys where they stand elsewhere.</param>
    public void Require(bool holds, string setting, string message, params ReadOnlySpan<string> involved)
    {
        if (holds) return;
        var key = KeyOf(setting);
        if (unreadable(key)) return;
        foreach (var other in involved)
            if (unreadable(KeyOf(other))) return;
        _problems.Add(new ConfigProblem(placeOf(key), key, message));
    }

    /// <summary>Checks a record that stands at <paramref name="prefix"/> (a dotted key; empty: the root).</summary>
    public void Visit(string prefix, object? record)
    {
        if (record is not IChecked rules) return;
        var before = Prefix;
        Prefix = prefix;
        rules.Check(this);
        Prefix = before;
    }

    private string KeyOf(string setting) =>
        setting.Contains('.', StringComparison.Ordinal) ? setting
        : Prefix.Length == 0 ? Snake(setting) : $"{Prefix}.{Snake(setting)}";

    private static string Snake(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}

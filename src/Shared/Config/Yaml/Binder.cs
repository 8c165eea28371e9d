using System.Collections;

namespace Volley.Shared.Config.Yaml;

/// <summary>A tree → records, reporting every setting that is unknown, missing, of the wrong type or out of range.</summary>
/// <remarks>
/// Distributions are bound too: each value, both ends of each range and each option is tried for itself, so that what is wrong in the
/// third option is said before anything runs. What comes back then holds the first of each; only a tree without distributions gives
/// a configuration.
/// </remarks>
internal sealed class Binder(List<ConfigProblem> problems)
{
    private readonly Dictionary<string, string> _places = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unreadable = new(StringComparer.Ordinal);

    /// <summary>Where the file sets a key, or else the nearest section above it.</summary>
    public string PlaceOf(string key)
    {
        for (var at = key; at.Length > 0; at = at[..Math.Max(0, at.LastIndexOf('.'))])
            if (_places.TryGetValue(at, out var place)) return place;
        return _places.GetValueOrDefault("", "");
    }

    /// <summary>The key, something above or something below it could not be read.</summary>
    public bool IsUnreadable(string key) => _unreadable.Any(bad =>
        bad == key || key.StartsWith(bad + ".", StringComparison.Ordinal) || bad.StartsWith(key + ".", StringComparison.Ordinal));

    /// <returns>The record; settings that could not be read keep their defaults. null: not even a mapping.</returns>
    public object? BindRecord(Type type, SpaceNode node, string key, object? template = null)
    {
        _places.TryAdd(key, node.Place);
        if (node is BrokenNode) return Skip(key);
        if (node is ChooseNode choose) return EachOf(choose.Options, option => BindRecord(type, option, key, template));
        if (node is not MappingNode mapping)
            return Refuse(node.Place, key, $"is {ScalarReader.Found(node)}, must be a mapping of settings ({Names(type)}).");
        if (type == typeof(ModelSpec)) return BindModel(mapping, key);

        var record = Activator.CreateInstance(type)!;
        if (template is not null)
            foreach (var setting in Setting.Of(type)) setting.Set(record, setting.Property.GetValue(template));
        foreach (var entry in mapping.Entries)
        {
            var dotted = YamlTree.Dotted(key, entry.Key);
            if (Setting.Find(type, entry.Key) is not { } setting)
            {
                Refuse(entry.Place, dotted, Unknown(type, entry.Key, dotted));
                continue;
            }
            _places[dotted] = entry.Place;
            if (BindSetting(setting, entry.Value, dotted) is { } value) setting.Set(record, value);
        }
        foreach (var setting in Setting.Of(type))
            if (setting.IsRequired && template is null && mapping.Find(setting.Key) is null)
                Refuse(mapping.Place, YamlTree.Dotted(key, setting.Key), $"is missing; it must be {Requirement(setting)}.");
        return record;
    }

    private object? BindSetting(Setting setting, SpaceNode node, string key)
    {
        if (setting.Type == typeof(SearchSpace)) return BindRecord(typeof(TrainingSpec), node, key) is null ? null : new SearchSpace((MappingNode)node);
        if (setting.ItemType is { } itemType) return BindList(setting, itemType, node, key);
        return Setting.IsSection(setting.Type) ? BindRecord(setting.Type, node, key) : BindScalar(setting, setting.Type, node, key);
    }

    private object? BindScalar(Setting setting, Type type, SpaceNode node, string key)
    {
        switch (node)
        {
            case BrokenNode:
                return Skip(key);
            case ScalarNode scalar:
                return ScalarReader.Read(scalar, type, setting, out var message) ?? Refuse(scalar.Place, key, message);
            case ValuesNode values:
                return EachOf(values.Values, value => BindScalar(setting, type, value, key));
            case ChooseNode choose:
                return EachOf(choose.Options, option => BindScalar(setting, type, option, key));
            case UniformNode uniform when type == typeof(double):
                return InRange(setting, uniform.Place, key, uniform.Low, uniform.High) ? uniform.Low : null;
            case IntUniformNode whole when type == typeof(int) && whole.High <= int.MaxValue && whole.Low >= int.MinValue:
                return InRange(setting, whole.Place, key, whole.Low, whole.High) ? (int)whole.Low : null;
            case IntUniformNode whole when type == typeof(double):
                return InRange(setting, whole.Place, key, whole.Low, whole.High) ? (double)whole.Low : null;
            case UniformNode when type == typeof(int):
                return Refuse(node.Place, key, "is uniform or log_uniform, but the setting is a whole number; use int_uniform: [low, high, step] or values: [...].");
            default:
                return Refuse(node.Place, key, $"is {ScalarReader.Found(node)}, must be {ScalarReader.RequirementOf(type, setting)}.{DistributionHint(node)}");
        }
    }

    private object? BindList(Setting setting, Type itemType, SpaceNode node, string key)
    {
        if (node is BrokenNode) return Skip(key);
        if (node is ChooseNode choose) return EachOf(choose.Options, option => BindList(setting, itemType, option, key));
        var isSection = Setting.IsSection(itemType);
        IReadOnlyList<SpaceNode> nodes;
        switch (node)
        {
            case SequenceNode sequence: nodes = sequence.Items; break;
            case MappingNode when isSection: nodes = [node]; break;      // one objective needs no list
            default: return Refuse(node.Place, key, $"is {ScalarReader.Found(node)}, must be a list: [...].");
        }
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(itemType))!;
        foreach (var item in nodes)
        {
            var itemKey = nodes.Count == 1 && isSection ? key : $"{key}[{list.Count}]";
            var value = isSection ? BindRecord(itemType, item, itemKey) : BindScalar(setting, itemType, item, itemKey);
            if (value is null) { _unreadable.Add(key); return null; }
            list.Add(value);
        }
        return list;
    }

    private object? BindModel(MappingNode mapping, string key)
    {
        var name = mapping.Find("name");
        IReadOnlyList<ScalarNode> names;
        switch (name?.Value)
        {
            case ScalarNode scalar: names = [scalar]; break;
            case ValuesNode values: names = values.Values; break;
            case null: return Refuse(mapping.Place, $"{key}.name", $"is missing; it must be one of {string.Join(", ", ModelPresets.Names)}.");
            case BrokenNode: return Skip(key);
            default: return Refuse(name.Place, $"{key}.name", $"is {ScalarReader.Found(name.Value)}, must be one of {string.Join(", ", ModelPresets.Names)}.");
        }
        // With several names every other key must suit each of them: what is the same problem for two is said once (Refuse).
        return EachOf(names, one =>
        {
            if (ModelPresets.TryGet(one.Text, out var preset)) return BindRecord(preset.GetType(), mapping, key, preset);
            var near = NearestKey.Of(one.Text, ModelPresets.Names) is { } candidate ? $" Did you mean {candidate}?" : "";
            _unreadable.Add(key);
            return Refuse(one.Place, $"{key}.name", $"is \"{one.Text}\", must be one of {string.Join(", ", ModelPresets.Names)}.{near}");
        });
    }

    private bool InRange(Setting setting, string place, string key, double low, double high)
    {
        if (setting.Range is not { } range || (range.Allows(low) && range.Allows(high))) return true;
        Refuse(place, key, $"reaches from {low} to {high}, must be {range.Describe()}.");
        return false;
    }

    private static object? EachOf<T>(IEnumerable<T> options, Func<T, object?> bind)
    {
        object? first = null;
        foreach (var option in options)
        {
            var bound = bind(option);
            first ??= bound;
        }
        return first;
    }

    private object? Skip(string key)
    {
        _unreadable.Add(key);
        return null;
    }

    private object? Refuse(string place, string key, string message)
    {
        _unreadable.Add(key);
        var problem = new ConfigProblem(place, key, message);
        if (!problems.Contains(problem)) problems.Add(problem);
        return null;
    }

    private static string Unknown(Type type, string name, string dotted)
    {
        var here = Setting.Of(type).Select(setting => setting.Key).ToList();
        if (NearestKey.Of(name, here) is { } near) return $"is no setting; did you mean {near}? Here are: {string.Join(", ", here)}.";
        if (type.IsAssignableTo(typeof(ModelSpec)) && SettingIndex.FamiliesWith(name).ToList() is { Count: > 0 } families)
            return $"is a setting of {string.Join(" and ", families)}, not of this model. Here are: {string.Join(", ", here)}.";
        var elsewhere = SettingIndex.EndingIn(name).Where(key => key != dotted).Take(3).ToList();
        return elsewhere.Count > 0
            ? $"is no setting here; there is {string.Join(", ", elsewhere)}. Here are: {string.Join(", ", here)}."
            : $"is no setting. Here are: {string.Join(", ", here)}.";
    }

    private static string Requirement(Setting setting) =>
        setting.Type == typeof(SearchSpace) ? $"a mapping of settings ({Names(typeof(TrainingSpec))})"
        : Setting.IsSection(setting.Type) ? $"a mapping of settings ({Names(setting.Type)})"
        : ScalarReader.RequirementOf(setting.Type, setting);

    private static string Names(Type type) => type == typeof(ModelSpec)
        ? "name and the model's own"
        : string.Join(", ", Setting.Of(type).Select(setting => setting.Key));

    private static string DistributionHint(SpaceNode node) =>
        node is MappingNode { Entries: [var only] } && SpaceReader.Words.Contains(only.Key) ? " Only settings under train: may be distributions." : "";
}

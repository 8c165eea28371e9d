namespace Volley.Shared.Config.Yaml;

/// <summary>Every dotted key that a sweep file can hold: to say "that key belongs there".</summary>
internal static class SettingIndex
{
    private static readonly Lazy<IReadOnlyList<string>> All = new(() => [.. Walk(typeof(SweepSpec), "").Distinct()]);

    /// <returns>The dotted keys that end in <paramref name="key"/>, for example <c>train.optimizer.lr</c> for <c>lr</c>.</returns>
    public static IEnumerable<string> EndingIn(string key) =>
        All.Value.Where(dotted => dotted == key || dotted.EndsWith("." + key, StringComparison.Ordinal));

    /// <returns>The model families that have a setting, for example sdt and spikformer for <c>time_steps</c>.</returns>
    public static IEnumerable<string> FamiliesWith(string key) =>
        ModelPresets.Families.Where(family => ModelPresets.TryGet(family, out var model) && Setting.Find(model.GetType(), key) is not null);

    public static bool IsTopLevel(string key) => Setting.Find(typeof(SweepSpec), key) is not null;

    private static IEnumerable<string> Walk(Type record, string prefix)
    {
        foreach (var setting in Setting.Of(record))
        {
            var dotted = YamlTree.Dotted(prefix, setting.Key);
            yield return dotted;
            foreach (var type in Sections(setting))
                foreach (var inner in Walk(type, dotted)) yield return inner;
        }
    }

    private static IEnumerable<Type> Sections(Setting setting)
    {
        if (setting.Type == typeof(SearchSpace)) return [typeof(TrainingSpec)];
        if (setting.Type == typeof(ModelSpec)) return ModelPresets.Families.Select(family => ModelPresets.TryGet(family, out var model) ? model.GetType() : typeof(ModelSpec));
        var type = setting.ItemType ?? setting.Type;
        return Setting.IsSection(type) ? [type] : [];
    }
}

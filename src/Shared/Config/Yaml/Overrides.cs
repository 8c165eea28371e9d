using System.Globalization;

namespace Volley.Shared.Config.Yaml;

/// <summary><c>--set key=value</c>: replaces or adds one value of the tree before anything is checked, so that it is checked like the rest.</summary>
internal static class Overrides
{
    /// <param name="overrides">The key is whole (<c>search.max_trials</c>) or stands under train (<c>optimizer.lr</c>); the value is YAML.</param>
    public static MappingNode Apply(MappingNode root, IEnumerable<string> overrides, List<ConfigProblem> problems)
    {
        foreach (var text in overrides)
        {
            var place = $"--set {text}";
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || text[..equals].Split('.').Any(part => part.Trim().Length == 0))
            {
                problems.Add(new ConfigProblem(place, "", "must be key=value, for example --set train.epochs=2 or --set optimizer.lr=0.1."));
                continue;
            }
            var path = text[..equals].Split('.', StringSplitOptions.TrimEntries);
            if (!SettingIndex.IsTopLevel(path[0])) path = ["train", .. path];
            var written = text[(equals + 1)..];
            var value = written.Trim().Length == 0 ? new ScalarNode(place, "", Quoted: true) : YamlTree.ReadValue(place, written, problems);
            if (value is not null) root = (MappingNode)Replace(root, path, 0, value, problems);
        }
        return root;
    }

    private static SpaceNode Replace(SpaceNode node, string[] path, int depth, SpaceNode value, List<ConfigProblem> problems)
    {
        if (depth == path.Length) return value;
        var key = string.Join('.', path[..depth]);
        switch (node)
        {
            case MappingNode { Entries: [{ Key: "choose" }] } when path[depth] != "choose":
                problems.Add(new ConfigProblem(value.Place, key, $"is a choice: name the option, for example {key}.choose.0.{string.Join('.', path[depth..])}."));
                return node;
            case MappingNode mapping:
                var found = mapping.Find(path[depth]);
                var inner = Replace(found?.Value ?? new MappingNode(value.Place, []), path, depth + 1, value, problems);
                var entry = new MappingEntry(value.Place, path[depth], inner);
                // A section keeps its own place: only the value below it came from the command line.
                if (found is not null && depth + 1 < path.Length) entry = entry with { Place = found.Place };
                return mapping with { Entries = found is null ? mapping.Entries.Add(entry) : mapping.Entries.Replace(found, entry) };
            case SequenceNode sequence when int.TryParse(path[depth], NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < sequence.Items.Length:
                return sequence with { Items = sequence.Items.SetItem(index, Replace(sequence.Items[index], path, depth + 1, value, problems)) };
            case SequenceNode sequence:
                problems.Add(new ConfigProblem(value.Place, key, $"is a list of {sequence.Items.Length}; \"{path[depth]}\" must be a number from 0 to {sequence.Items.Length - 1}."));
                return node;
            default:
                // A scalar gives way to a mapping: what does not belong there is reported by the binder.
                return Replace(new MappingNode(value.Place, []), path, depth, value, problems);
        }
    }
}

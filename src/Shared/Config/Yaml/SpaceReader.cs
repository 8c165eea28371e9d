using System.Collections.Immutable;

namespace Volley.Shared.Config.Yaml;

/// <summary>Finds the distributions in the tree under <c>train:</c>: mappings whose only key is one of <see cref="Words"/>.</summary>
internal sealed class SpaceReader(List<ConfigProblem> problems)
{
    public static IReadOnlyList<string> Words { get; } = ["values", "uniform", "log_uniform", "int_uniform", "choose"];

    public SpaceNode Read(SpaceNode node, string key) => node switch
    {
        MappingNode { Entries: [{ Key: "values" } only] } => Values(only, key) ?? (SpaceNode)new BrokenNode(only.Place),
        MappingNode { Entries: [{ Key: "uniform" or "log_uniform" } only] } => Uniform(only, key) ?? (SpaceNode)new BrokenNode(only.Place),
        MappingNode { Entries: [{ Key: "int_uniform" } only] } => IntUniform(only, key) ?? (SpaceNode)new BrokenNode(only.Place),
        MappingNode { Entries: [{ Key: "choose" } only] } => Choose(only, key) ?? (SpaceNode)new BrokenNode(only.Place),
        MappingNode mapping when mapping.Entries.Any(entry => Words.Contains(entry.Key)) => Mixed(mapping, key),
        MappingNode mapping => Mapping(mapping, key),
        SequenceNode sequence => sequence with { Items = [.. sequence.Items.Select((item, index) => Read(item, $"{key}[{index}]"))] },
        _ => node,
    };

    private MappingNode Mapping(MappingNode mapping, string key) =>
        mapping with { Entries = [.. mapping.Entries.Select(entry => entry with { Value = Read(entry.Value, YamlTree.Dotted(key, entry.Key)) })] };

    private BrokenNode Mixed(MappingNode mapping, string key)
    {
        var alone = mapping.Entries.First(entry => Words.Contains(entry.Key));
        var others = mapping.Entries.Where(entry => entry != alone).Select(entry => entry.Key);
        Refuse(alone.Place, key, $"has {alone.Key}: beside {string.Join(", ", others)}; {alone.Key}: stands alone"
            + (alone.Key == "choose" ? ", each option says all of its own." : "."));
        return new BrokenNode(alone.Place);
    }

    private ValuesNode? Values(MappingEntry entry, string key)
    {
        if (entry.Value is not SequenceNode { Items: { Length: > 0 } items })
            return Refuse<ValuesNode>(entry.Place, key, $"values: is {Found(entry.Value)}, must be a list of at least one value.");
        var scalars = ImmutableArray.CreateBuilder<ScalarNode>();
        foreach (var item in items)
        {
            if (item is not ScalarNode scalar) Refuse(item.Place, key, $"values: holds {ScalarReader.Found(item)}; for whole subtrees use choose:.");
            else if (scalars.Any(other => other.Text == scalar.Text)) Refuse(item.Place, key, $"values: holds {scalar.Text} twice.");
            else scalars.Add(scalar);
        }
        return scalars.Count == 0 ? null : new ValuesNode(entry.Place, scalars.ToImmutable());
    }

    private UniformNode? Uniform(MappingEntry entry, string key)
    {
        if (Numbers(entry.Value) is not [var low, var high])
            return Refuse<UniformNode>(entry.Place, key, $"{entry.Key}: is {Found(entry.Value)}, must be [low, high], two numbers.");
        if (!(low < high)) return Refuse<UniformNode>(entry.Place, key, $"{entry.Key}: is [{low}, {high}]; low must be less than high.");
        var isLog = entry.Key == "log_uniform";
        if (isLog && low <= 0) return Refuse<UniformNode>(entry.Place, key, $"log_uniform: is [{low}, {high}]; low must be greater than 0.");
        return new UniformNode(entry.Place, low, high, isLog);
    }

    private IntUniformNode? IntUniform(MappingEntry entry, string key)
    {
        if (Wholes(entry.Value) is not [var low, var high, ..] numbers || numbers.Count > 3)
            return Refuse<IntUniformNode>(entry.Place, key, $"int_uniform: is {Found(entry.Value)}, must be [low, high] or [low, high, step], whole numbers.");
        var step = numbers.Count == 3 ? numbers[2] : 1;
        if (!(low < high)) return Refuse<IntUniformNode>(entry.Place, key, $"int_uniform: is [{low}, {high}]; low must be less than high.");
        if (step < 1) return Refuse<IntUniformNode>(entry.Place, key, $"int_uniform: has step {step}, must be at least 1.");
        if (low < -1_000_000_000_000 || high > 1_000_000_000_000)
            return Refuse<IntUniformNode>(entry.Place, key, $"int_uniform: is [{low}, {high}]; its ends must be at most 10^12 from 0.");
        if ((high - low) % step != 0)
            return Refuse<IntUniformNode>(entry.Place, key,
                $"int_uniform: is [{low}, {high}, {step}]; high is never reached. Write {high - ((high - low) % step)}, or another step.");
        return new IntUniformNode(entry.Place, low, high, step);
    }

    private ChooseNode? Choose(MappingEntry entry, string key)
    {
        if (entry.Value is not SequenceNode { Items: { Length: > 0 } items })
            return Refuse<ChooseNode>(entry.Place, key, $"choose: is {Found(entry.Value)}, must be a list of at least one option.");
        var options = ImmutableArray.CreateBuilder<SpaceNode>();
        foreach (var item in items)
        {
            var option = Read(item, key);
            if (option is ChooseNode) Refuse(option.Place, key, "choose: holds another choose: directly; write all options in one list.");
            else options.Add(option);
        }
        return options.Count == 0 ? null : new ChooseNode(entry.Place, options.ToImmutable(), Labels(options));
    }

    private static ImmutableArray<string> Labels(IReadOnlyList<SpaceNode> options)
    {
        var names = options.Select(option => option switch
        {
            ScalarNode scalar => scalar.Text,
            MappingNode mapping when mapping.Find("name")?.Value is ScalarNode name => name.Text,
            _ => "",
        }).ToList();
        return [.. names.Select((name, index) => name.Length > 0 && names.Count(other => other == name) == 1 ? name : $"{name}#{index}")];
    }

    private static List<double>? Numbers(SpaceNode node)
    {
        if (node is not SequenceNode sequence) return null;
        var numbers = new List<double>();
        foreach (var item in sequence.Items)
        {
            if (item is not ScalarNode { Quoted: false } scalar || !ScalarReader.TryNumber(scalar.Text, out var value) || !double.IsFinite(value)) return null;
            numbers.Add(value);
        }
        return numbers;
    }

    private static List<long>? Wholes(SpaceNode node)
    {
        if (node is not SequenceNode sequence) return null;
        var numbers = new List<long>();
        foreach (var item in sequence.Items)
        {
            if (item is not ScalarNode { Quoted: false } scalar || !ScalarReader.TryWhole(scalar.Text, out var value)) return null;
            numbers.Add(value);
        }
        return numbers;
    }

    private static string Found(SpaceNode node) => node is SequenceNode sequence
        ? $"[{string.Join(", ", sequence.Items.Take(5).Select(item => item is ScalarNode scalar ? scalar.Text : ScalarReader.Found(item)))}]"
        : ScalarReader.Found(node);

    private void Refuse(string place, string key, string message) => problems.Add(new ConfigProblem(place, key, message));

    private T? Refuse<T>(string place, string key, string message) where T : class
    {
        Refuse(place, key, message);
        return null;
    }
}

/// <summary>A distribution that could not be read; already reported.</summary>
internal sealed record BrokenNode(string Place) : SpaceNode(Place);

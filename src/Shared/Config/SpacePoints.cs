using System.Globalization;
using System.Numerics;
using Volley.Shared.Determinism;

namespace Volley.Shared.Config;

/// <summary>The points of a search space: how many, the n-th, one at random.</summary>
/// <remarks>
/// A space is a tree, so its points are a mixed-radix number: a mapping multiplies its entries' counts (the last entry changes
/// fastest, as nested loops written in the file's order would), a choice adds its options' counts. Nothing is ever listed.
/// </remarks>
public static class SpacePoints
{
    // A sampled learning rate such as 0.000313244 is as good as one with 17 digits, is readable, and is the same whichever last bit
    // this machine's exp and log give.
    private const int SignificantDigits = 6;

    /// <summary>Every distribution with its key, options of choices included, in the order of the file.</summary>
    public static IEnumerable<(string Key, SpaceNode Node)> Distributions(SearchSpace space) => Distributions(space.Root, "");

    /// <returns>null where a uniform or log_uniform makes it infinite.</returns>
    public static BigInteger? Count(SearchSpace space) => Count(space.Root);

    /// <param name="index">From 0 to the count less 1.</param>
    /// <exception cref="InvalidOperationException">The space is infinite.</exception>
    public static Assignment At(SearchSpace space, BigInteger index)
    {
        var choices = new List<KeyValuePair<string, string>>();
        Take(space.Root, "", index, choices);
        return new Assignment([.. choices]);
    }

    /// <summary>A point drawn from (seed, trial number); each key has a stream of its own, so adding one leaves the others' draws.</summary>
    public static Assignment Sample(SearchSpace space, ulong seed, int trial)
    {
        var choices = new List<KeyValuePair<string, string>>();
        Draw(space.Root, "", seed, trial, choices);
        return new Assignment([.. choices]);
    }

    /// <summary>The same space with continuous ranges replaced by their two ends: finite, for checks.</summary>
    public static SearchSpace Corners(SearchSpace space) => new((MappingNode)Corners(space.Root));

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static IEnumerable<(string, SpaceNode)> Distributions(SpaceNode node, string key) => node switch
    {
        MappingNode mapping => mapping.Entries.SelectMany(entry => Distributions(entry.Value, Child(key, entry.Key))),
        SequenceNode sequence => sequence.Items.SelectMany((item, index) => Distributions(item, $"{key}[{index}]")),
        ChooseNode choose => choose.Options.SelectMany(option => Distributions(option, key)).Prepend((key, node)),
        ScalarNode => [],
        _ => [(key, node)],
    };

    private static BigInteger? Count(SpaceNode node) => node switch
    {
        MappingNode mapping => Product(mapping.Entries.Select(entry => Count(entry.Value))),
        SequenceNode sequence => Product(sequence.Items.Select(Count)),
        ChooseNode choose => choose.Options.Select(Count).Aggregate((BigInteger?)BigInteger.Zero, (sum, count) => sum + count),
        ValuesNode values => values.Values.Length,
        IntUniformNode whole => whole.Count,
        UniformNode => null,
        _ => BigInteger.One,
    };

    private static BigInteger? Product(IEnumerable<BigInteger?> counts) => counts.Aggregate((BigInteger?)BigInteger.One, (product, count) => product * count);

    private static void Take(SpaceNode node, string key, BigInteger index, List<KeyValuePair<string, string>> choices)
    {
        switch (node)
        {
            case MappingNode mapping:
                TakeEach([.. mapping.Entries.Select(entry => (Child(key, entry.Key), entry.Value))], index, choices);
                break;
            case SequenceNode sequence:
                TakeEach([.. sequence.Items.Select((item, at) => ($"{key}[{at}]", item))], index, choices);
                break;
            case ChooseNode choose:
                for (var option = 0; ; option++)
                {
                    var count = Finite(choose.Options[option]);
                    if (index >= count) { index -= count; continue; }
                    choices.Add(new(key, choose.Labels[option]));
                    Take(choose.Options[option], key, index, choices);
                    return;
                }
            case ValuesNode values:
                choices.Add(new(key, values.Values[(int)index].Text));
                break;
            case IntUniformNode whole:
                choices.Add(new(key, (whole.Low + ((long)index * whole.Step)).ToString(CultureInfo.InvariantCulture)));
                break;
        }
    }

    private static void TakeEach(IReadOnlyList<(string Key, SpaceNode Node)> parts, BigInteger index, List<KeyValuePair<string, string>> choices)
    {
        var digits = new BigInteger[parts.Count];
        for (var part = parts.Count - 1; part >= 0; part--)
            index = BigInteger.DivRem(index, Finite(parts[part].Node), out digits[part]);
        for (var part = 0; part < parts.Count; part++) Take(parts[part].Node, parts[part].Key, digits[part], choices);
    }

    private static BigInteger Finite(SpaceNode node) =>
        Count(node) ?? throw new InvalidOperationException($"The space at {node.Place} is infinite: it has no n-th point.");

    private static void Draw(SpaceNode node, string key, ulong seed, int trial, List<KeyValuePair<string, string>> choices)
    {
        switch (node)
        {
            case MappingNode mapping:
                foreach (var entry in mapping.Entries) Draw(entry.Value, Child(key, entry.Key), seed, trial, choices);
                return;
            case SequenceNode sequence:
                for (var i = 0; i < sequence.Items.Length; i++) Draw(sequence.Items[i], $"{key}[{i}]", seed, trial, choices);
                return;
            case ScalarNode:
                return;
        }
        var random = KeyedRandom.For(seed, "search/" + key, trial);
        switch (node)
        {
            case ChooseNode choose:
                var option = random.NextInt(choose.Options.Length);
                choices.Add(new(key, choose.Labels[option]));
                Draw(choose.Options[option], key, seed, trial, choices);
                break;
            case ValuesNode values:
                choices.Add(new(key, values.Values[random.NextInt(values.Values.Length)].Text));
                break;
            case IntUniformNode whole:
                // At most 2^41 values: 53 bits are enough for an even draw.
                var step = (long)(random.NextDouble() * whole.Count);
                choices.Add(new(key, (whole.Low + (step * whole.Step)).ToString(CultureInfo.InvariantCulture)));
                break;
            case UniformNode uniform:
                choices.Add(new(key, Text(Draw(uniform, random.NextDouble()))));
                break;
        }
    }

    private static double Draw(UniformNode range, double u)
    {
        var value = range.IsLog
            ? Math.Exp(Math.Log(range.Low) + (u * (Math.Log(range.High) - Math.Log(range.Low))))
            : range.Low + (u * (range.High - range.Low));
        var rounded = double.Parse(value.ToString($"E{SignificantDigits - 1}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return Math.Clamp(rounded, range.Low, range.High);
    }

    private static SpaceNode Corners(SpaceNode node) => node switch
    {
        MappingNode mapping => mapping with { Entries = [.. mapping.Entries.Select(entry => entry with { Value = Corners(entry.Value) })] },
        SequenceNode sequence => sequence with { Items = [.. sequence.Items.Select(Corners)] },
        ChooseNode choose => choose with { Options = [.. choose.Options.Select(Corners)] },
        UniformNode range => new ValuesNode(range.Place, [new(range.Place, Text(range.Low)), new(range.Place, Text(range.High))]),
        _ => node,
    };

    private static string Child(string key, string name) => key.Length == 0 ? name : $"{key}.{name}";
}

using System.Collections.Immutable;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Volley.Shared.Config.Yaml;

/// <summary>YAML text → a tree of mappings, lists and scalars that know their lines.</summary>
/// <remarks>
/// Built from the parser's events rather than by a deserializer, because every node must know where it stands and because one bad
/// key must not hide the next. Anchors, aliases and tags are refused: a sweep file needs none, and aliases are how a few lines
/// become gigabytes. A broken structure (an open bracket, say) ends the reading; everything else is reported and read on.
/// </remarks>
internal sealed class YamlTree
{
    // Sweep files are about five deep; the limits stop nonsense before recursion or memory do.
    private const int MaxDepth = 40;
    private const int MaxNodes = 100_000;

    private readonly string _fileName;
    private readonly string _text;
    private readonly bool _placesHaveLines;
    private readonly List<ConfigProblem> _problems;
    private readonly Parser _parser;
    private int _nodes;

    private YamlTree(string fileName, string text, bool placesHaveLines, List<ConfigProblem> problems)
    {
        (_fileName, _text, _placesHaveLines, _problems) = (fileName, text, placesHaveLines, problems);
        _parser = new Parser(new StringReader(text));
    }

    /// <returns>The root, or null where there is none to go on with; then <paramref name="problems"/> says why.</returns>
    public static SpaceNode? Read(string fileName, string text, List<ConfigProblem> problems) =>
        new YamlTree(fileName, text, placesHaveLines: true, problems).ReadDocument();

    /// <summary>The value of an override: its place is what the person typed, not a line.</summary>
    public static SpaceNode? ReadValue(string place, string text, List<ConfigProblem> problems) =>
        new YamlTree(place, text, placesHaveLines: false, problems).ReadDocument();

    private SpaceNode? ReadDocument()
    {
        try
        {
            Next();                                          // stream start
            if (Next() is StreamEnd) return Report(1, "", "is empty; it needs at least train: with dataset and model.");
            var root = ReadNode(Next(), "", 1);
            Next();                                          // document end
            if (Next() is DocumentStart second)
                Report(second.Start.Line, "", "begins a second document; a sweep file has one. Remove the line --- and what follows, or use two files.");
            return root;
        }
        catch (Unreadable) { return null; }
    }

    private SpaceNode ReadNode(ParsingEvent found, string key, int depth)
    {
        var place = Place(found.Start.Line);
        if (depth > MaxDepth) throw Stop(found.Start.Line, key, $"is nested more than {MaxDepth} deep.");
        if (++_nodes > MaxNodes) throw Stop(found.Start.Line, key, $"is more than {MaxNodes:N0} values into the file; that is no sweep file.");
        if (found is AnchorAlias alias) throw Stop(alias.Start.Line, key, $"is the alias *{alias.Value}; aliases are not read here. Write the value out.");
        if (found is NodeEvent node)
        {
            if (!node.Anchor.IsEmpty) Report(node.Start.Line, key, $"carries the anchor &{node.Anchor.Value}; anchors are not read here. Remove it.");
            if (!node.Tag.IsEmpty) Report(node.Start.Line, key, $"carries the tag {node.Tag.Value}; tags are not read here. Remove it.");
        }
        return found switch
        {
            Scalar scalar => new ScalarNode(place, scalar.Value, scalar.Style is not ScalarStyle.Plain),
            SequenceStart => ReadSequence(place, key, depth),
            MappingStart => ReadMapping(place, key, depth),
            _ => throw new InvalidOperationException($"YAML event {found.GetType().Name} at {place} where a value was expected."),
        };
    }

    private SequenceNode ReadSequence(string place, string key, int depth)
    {
        var items = ImmutableArray.CreateBuilder<SpaceNode>();
        for (var item = Next(); item is not SequenceEnd; item = Next())
            items.Add(ReadNode(item, $"{key}[{items.Count}]", depth + 1));
        return new SequenceNode(place, items.ToImmutable());
    }

    private MappingNode ReadMapping(string place, string key, int depth)
    {
        var entries = ImmutableArray.CreateBuilder<MappingEntry>();
        var firstPlaces = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var name = Next(); name is not MappingEnd; name = Next())
        {
            if (name is not Scalar scalar) throw Stop(name.Start.Line, key, "has a list or mapping as a key; keys are words.");
            var dotted = Dotted(key, scalar.Value);
            var value = ReadNode(Next(), dotted, depth + 1);
            if (firstPlaces.TryAdd(scalar.Value, Place(scalar.Start.Line)))
                entries.Add(new MappingEntry(Place(scalar.Start.Line), scalar.Value, value));
            else
                Report(scalar.Start.Line, dotted, $"appears twice (first at {firstPlaces[scalar.Value]}); keep one of the two.");
        }
        return new MappingNode(place, entries.ToImmutable());
    }

    public static string Dotted(string key, string name) => key.Length == 0 ? name : $"{key}.{name}";

    private ParsingEvent Next()
    {
        try
        {
            if (_parser.MoveNext()) return _parser.Current!;
        }
        catch (YamlException e)
        {
            throw Stop(e.Start.Line, "", TabIndent(e.Start.Line) is { } tab
                ? $"is no valid YAML: line {tab} is indented with a tab. Use spaces."
                : $"is no valid YAML: {Lower(e.Message)}");
        }
        catch (InvalidOperationException)
        {
            // What the parser throws for a flow list or mapping that is never closed.
            var line = _parser.Current?.End.Line ?? 1;
            throw Stop(line, "", "is no valid YAML: a bracket [ or { opened here or above is not closed.");
        }
        throw Stop(_parser.Current?.End.Line ?? 1, "", "is no valid YAML: it ends in the middle of a value.");
    }

    private long? TabIndent(long lastLine)
    {
        long number = 0;
        foreach (var line in _text.AsSpan().EnumerateLines())
        {
            // The scanner names the line before the tab.
            if (++number > lastLine + 1) return null;
            if (line[..(line.Length - line.TrimStart().Length)].Contains('\t')) return number;
        }
        return null;
    }

    private static string Lower(string message) => message.Length == 0 ? message : char.ToLowerInvariant(message[0]) + message[1..];

    private string Place(long line) => _placesHaveLines ? $"{_fileName}:{line}" : _fileName;

    private SpaceNode? Report(long line, string key, string message)
    {
        _problems.Add(new ConfigProblem(Place(line), key, message));
        return null;
    }

    private Unreadable Stop(long line, string key, string message)
    {
        Report(line, key, message);
        return new Unreadable();
    }

    /// <summary>Leaves the recursion; the problem is already in the list.</summary>
    private sealed class Unreadable : Exception;
}

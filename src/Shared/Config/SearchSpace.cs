using System.Collections.Immutable;

namespace Volley.Shared.Config;

/// <summary>The tree under <c>train:</c>: mappings, lists, values and distributions. Each node knows its place in the file for errors.</summary>
public sealed record SearchSpace(MappingNode Root);

/// <param name="Place"><c>file:line</c>.</param>
public abstract record SpaceNode(string Place);

/// <param name="Place">Where the key stands.</param>
public sealed record MappingEntry(string Place, string Key, SpaceNode Value);

/// <summary>Keys in the order of the file.</summary>
public sealed record MappingNode(string Place, ImmutableArray<MappingEntry> Entries) : SpaceNode(Place)
{
    public MappingEntry? Find(string key)
    {
        foreach (var entry in Entries)
            if (entry.Key == key) return entry;
        return null;
    }
}

public sealed record SequenceNode(string Place, ImmutableArray<SpaceNode> Items) : SpaceNode(Place);

/// <summary>A scalar as written; its type is known when it is bound. <paramref name="Quoted"/>: it is text, whatever it looks like.</summary>
public sealed record ScalarNode(string Place, string Text, bool Quoted = false) : SpaceNode(Place);

/// <summary><c>choose:</c> — one of several subtrees, each with its own hyperparameters.</summary>
/// <param name="Labels">What a choice is called in an <see cref="Assignment"/>: the option's <c>name</c> or text where that is unique, else <c>#index</c> is added.</param>
public sealed record ChooseNode(string Place, ImmutableArray<SpaceNode> Options, ImmutableArray<string> Labels) : SpaceNode(Place);

/// <summary><c>values: [a, b, c]</c>.</summary>
public sealed record ValuesNode(string Place, ImmutableArray<ScalarNode> Values) : SpaceNode(Place);

/// <summary><c>uniform: [low, high]</c> or <c>log_uniform: [low, high]</c>.</summary>
public sealed record UniformNode(string Place, double Low, double High, bool IsLog) : SpaceNode(Place);

/// <summary><c>int_uniform: [low, high, step]</c>, both ends inclusive; the step is 1 where it is left out.</summary>
public sealed record IntUniformNode(string Place, long Low, long High, long Step) : SpaceNode(Place)
{
    public long Count => ((High - Low) / Step) + 1;
}

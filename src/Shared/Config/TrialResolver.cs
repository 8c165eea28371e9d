using Volley.Shared.Config.Yaml;
using Volley.Shared.Determinism;

namespace Volley.Shared.Config;

/// <summary>A sweep and a choice for each of its distributions → the configuration of one trial.</summary>
public static class TrialResolver
{
    /// <param name="number">The trial's number in the sweep, from 0: decides its seed.</param>
    /// <param name="assignment">From <see cref="SpacePoints"/> or a search: one value per distribution, no more.</param>
    /// <exception cref="ConfigException">The choices together break a rule, or do not fit the space.</exception>
    public static TrialSpec Resolve(SweepSpec sweep, int number, Assignment assignment)
    {
        var problems = new List<ConfigProblem>();
        var trial = TryResolve(sweep, number, assignment, problems);
        return trial is not null && problems.Count == 0 ? trial : throw new ConfigException(problems);
    }

    /// <summary>The one trial of a file without distributions: what <c>train</c> and <c>profile</c> take.</summary>
    /// <exception cref="ConfigException">The file has distributions; the message names each, and how to fix its value.</exception>
    public static TrialSpec ResolveOnly(SweepSpec sweep)
    {
        var open = SpacePoints.Distributions(sweep.Space)
            .Select(found => new ConfigProblem(found.Node.Place, $"train.{found.Key}",
                $"is a distribution; this command trains one configuration. Give it a value: --set {found.Key}=…"))
            .ToList();
        return open.Count == 0 ? Resolve(sweep, 0, Assignment.Empty) : throw new ConfigException(open);
    }

    /// <summary>As <see cref="Resolve"/>, adding what is wrong to <paramref name="problems"/>; null where nothing could be built.</summary>
    internal static TrialSpec? TryResolve(SweepSpec sweep, int number, Assignment assignment, List<ConfigProblem> problems)
    {
        var used = 0;
        var tree = Substitute(sweep.Space.Root, "", assignment, ref used, problems);
        if (used != assignment.Choices.Length && problems.Count == 0)
            problems.Add(new ConfigProblem(sweep.Space.Root.Place, "train", $"has {used} distributions for these choices, but {assignment.Choices.Length} values were given: {assignment}."));
        if (problems.Count > 0) return null;

        var binder = new Binder(problems);
        if (binder.BindRecord(typeof(TrainingSpec), tree, "train") is not TrainingSpec train) return null;
        var trial = new TrialSpec
        {
            Number = number,
            Seed = Seeds.Derive(sweep.Seed, "trial", number),
            DataSeed = sweep.Seed,
            Train = train,
            Resources = sweep.Resources,
            Checkpoint = sweep.Checkpoint,
            Objective = sweep.Objective,
            Hyperparameters = assignment,
        };
        var checks = new ConfigChecks(binder.IsUnreadable, binder.PlaceOf);
        // A section that could not be read at all is reported; rules that would look into it have nothing to look at.
        if (train.Dataset is not null && train.Model is not null) checks.Visit("", trial);
        problems.AddRange(checks.Problems);
        return trial;
    }

    private static SpaceNode Substitute(SpaceNode node, string key, Assignment assignment, ref int used, List<ConfigProblem> problems)
    {
        switch (node)
        {
            case ScalarNode:
                return node;
            case MappingNode mapping:
                var entries = mapping.Entries.ToBuilder();
                for (var i = 0; i < entries.Count; i++)
                    entries[i] = entries[i] with { Value = Substitute(entries[i].Value, key.Length == 0 ? entries[i].Key : $"{key}.{entries[i].Key}", assignment, ref used, problems) };
                return mapping with { Entries = entries.ToImmutable() };
            case SequenceNode sequence:
                var items = sequence.Items.ToBuilder();
                for (var i = 0; i < items.Count; i++) items[i] = Substitute(items[i], $"{key}[{i}]", assignment, ref used, problems);
                return sequence with { Items = items.ToImmutable() };
        }
        if (assignment.Find(key) is not { } value)
        {
            problems.Add(new ConfigProblem(node.Place, $"train.{key}", "is a distribution and was given no value."));
            return node;
        }
        used++;
        if (node is not ChooseNode choose) return new ScalarNode(node.Place, value, node is ValuesNode values && values.Values.Any(one => one.Quoted && one.Text == value));
        var option = choose.Labels.IndexOf(value);
        if (option >= 0) return Substitute(choose.Options[option], key, assignment, ref used, problems);
        problems.Add(new ConfigProblem(node.Place, $"train.{key}", $"has no option \"{value}\"; there is {string.Join(", ", choose.Labels)}."));
        return node;
    }
}

using Volley.Shared.Determinism;
using Volley.Shared.Identifiers;

namespace Volley.Shared.Config.Yaml;

/// <summary>
/// Reads sweep files (DESIGN §7): YAML text → <see cref="SweepSpec"/>, or one <see cref="ConfigException"/> with every problem of the
/// file, each with its line, its dotted key, what was found, what is required and, for a typing error, what was probably meant.
/// </summary>
/// <remarks><c>run</c> loads a sweep; <c>train</c> and <c>profile</c> load the same files and take <see cref="TrialResolver.ResolveOnly"/>.</remarks>
public static class SweepFile
{
    // Rules between settings are tried on every combination up to so many (ends of continuous ranges), on a seeded sample beyond.
    private const int CombinationsTried = 2048;

    // More trials than this is a mistake in the file, not a plan.
    private const int MostTrials = 1_000_000;

    private const int ProblemsShown = 50;

    /// <param name="overrides"><c>key=value</c> as given with <c>--set</c>: dotted, whole or under train; the value is YAML.</param>
    /// <exception cref="ConfigException">The file cannot be used.</exception>
    public static SweepSpec Load(string path, IReadOnlyList<string>? overrides = null) => Parse(YamlText.Read(path), path, overrides);

    /// <summary>The same file again, from the text that a sweep carries: what a journal replays.</summary>
    public static SweepSpec Parse(SweepSource source) => Parse(source.Text, source.FileName, source.Overrides);

    /// <param name="fileName">What places in messages begin with.</param>
    /// <exception cref="ConfigException">The text cannot be used.</exception>
    public static SweepSpec Parse(string text, string fileName, IReadOnlyList<string>? overrides = null)
    {
        var problems = new List<ConfigProblem>();
        var spec = Read(text, fileName, overrides ?? [], problems);
        return spec is not null && problems.Count == 0 ? spec : throw new ConfigException(Sorted(problems));
    }

    private static SweepSpec? Read(string text, string fileName, IReadOnlyList<string> overrides, List<ConfigProblem> problems)
    {
        if (text.Length > YamlText.MaxBytes)
            return Refuse(fileName, "", $"is larger than {YamlText.MaxBytes:N0} bytes; a sweep file has a few thousand.", problems);
        var tree = YamlTree.Read(fileName, text, problems);
        if (tree is null) return null;
        if (tree is not MappingNode root)
            return Refuse(tree.Place, "", $"is {ScalarReader.Found(tree)}, must be a mapping of settings that begins with, for example, train:.", problems);

        root = Overrides.Apply(root, overrides, problems);
        if (root.Find("train") is { } train)
            root = root with { Entries = root.Entries.Replace(train, train with { Value = new SpaceReader(problems).Read(train.Value, "train") }) };
        if (root.Find("name") is null)
            root = root with { Entries = root.Entries.Add(new MappingEntry(root.Place, "name", new ScalarNode(root.Place, NameFrom(fileName), Quoted: true))) };
        if (root.Find("train")?.Value is ChooseNode choice)
            return Refuse(choice.Place, "train", "is a choice; choose: belongs below it, for example under train.model.", problems);

        var binder = new Binder(problems);
        if (binder.BindRecord(typeof(SweepSpec), root, "") is not SweepSpec bound) return null;
        var spec = bound with { Source = new SweepSource(fileName, text, [.. overrides]) };
        CheckSweep(spec, binder, problems);
        if (spec.Space is not null) CheckCombinations(spec, binder, problems);
        return spec;
    }

    private static void CheckSweep(SweepSpec spec, Binder binder, List<ConfigProblem> problems)
    {
        var checks = new ConfigChecks(binder.IsUnreadable, binder.PlaceOf);
        checks.Visit("", spec);
        for (var i = 0; i < spec.Objectives.Count; i++) checks.Visit(spec.Objectives.Count == 1 ? "objective" : $"objective[{i}]", spec.Objectives[i]);
        if (spec.Objectives.Count > 0)
            checks.Require(spec.Objective.NeedsValidation || !ObjectiveMetrics.All.Contains(spec.Objective.Metric),
                spec.Objectives.Count == 1 ? "objective.metric" : "objective[0].metric",
                $"is {spec.Objective.Metric}, which only a finished trial has; the first objective must be one of {string.Join(", ", ObjectiveMetrics.PerEpoch)}. Put it second in a list.");
        problems.AddRange(checks.Problems);

        if (spec.Search.Algorithm != "grid" || spec.Space is null) return;
        foreach (var (key, node) in SpacePoints.Distributions(spec.Space))
            if (node is UniformNode range)
                problems.Add(new ConfigProblem(range.Place, $"train.{key}",
                    $"is {(range.IsLog ? "log_uniform" : "uniform")}, which has no grid; write values: [...] or int_uniform: [low, high, step], or use search.algorithm: random."));
        if (spec.Search.MaxTrials == 0 && SpacePoints.Count(spec.Space) is { } count && count > MostTrials)
            problems.Add(new ConfigProblem(binder.PlaceOf("search.max_trials"), "search.max_trials",
                $"is missing and the grid has {count:N0} points, more than {MostTrials:N0}; set it, or use fewer values."));
    }

    private static void CheckCombinations(SweepSpec spec, Binder binder, List<ConfigProblem> problems)
    {
        if (spec.Space.Root.Entries.IsEmpty || Broken(spec.Space.Root) || binder.IsUnreadable("objective") || spec.Objectives.Count == 0) return;
        var corners = SpacePoints.Corners(spec.Space);
        var count = SpacePoints.Count(corners)!.Value;
        var seen = new HashSet<ConfigProblem>(problems);
        var reported = problems.Select(problem => problem.Key).ToHashSet(StringComparer.Ordinal);
        var cornered = spec with { Space = corners };
        for (var i = 0; i < CombinationsTried && i < count && seen.Count < ProblemsShown; i++)
        {
            var point = count <= CombinationsTried ? SpacePoints.At(corners, i) : SpacePoints.Sample(corners, Seeds.Derive(spec.Seed, "check"), i);
            var found = new List<ConfigProblem>();
            TrialResolver.TryResolve(cornered, i, point, found);
            foreach (var problem in found)
                if (!reported.Contains(problem.Key) && !binder.IsUnreadable(problem.Key))
                {
                    var placed = problem.Place.Length > 0 ? problem : problem with { Place = binder.PlaceOf(problem.Key) };
                    if (seen.Add(placed)) problems.Add(placed);
                }
        }
    }

    private static bool Broken(SpaceNode node) => node switch
    {
        BrokenNode => true,
        MappingNode mapping => mapping.Entries.Any(entry => Broken(entry.Value)),
        SequenceNode sequence => sequence.Items.Any(Broken),
        ChooseNode choose => choose.Options.Any(Broken),
        _ => false,
    };

    /// <summary>By line, so that a person goes through the file once; what has no line comes first.</summary>
    private static List<ConfigProblem> Sorted(List<ConfigProblem> problems)
    {
        var sorted = problems.Distinct().OrderBy(LineOf).ToList();
        if (sorted.Count <= ProblemsShown) return sorted;
        var rest = sorted.Count - ProblemsShown;
        return [.. sorted.Take(ProblemsShown), new ConfigProblem("", "", $"… and {rest} more problems.")];
    }

    private static int LineOf(ConfigProblem problem) =>
        int.TryParse(problem.Place.AsSpan(problem.Place.LastIndexOf(':') + 1), out var line) ? line : 0;

    /// <summary>A file called <c>My sweep.yaml</c> names a sweep <c>my-sweep</c>.</summary>
    private static string NameFrom(string fileName)
    {
        var stem = Path.GetFileNameWithoutExtension(fileName).ToLowerInvariant();
        var name = new string([.. stem.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')]).Trim('-');
        if (name.Length > 63) name = name[..63].TrimEnd('-');
        return SweepId.IsValid(name) ? name : "sweep";
    }

    private static SweepSpec? Refuse(string place, string key, string message, List<ConfigProblem> problems)
    {
        problems.Add(new ConfigProblem(place, key, message));
        return null;
    }
}

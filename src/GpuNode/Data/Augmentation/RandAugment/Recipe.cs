using System.Globalization;
using Volley.Shared.Config;

namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>RandAugment's settings (Cubuk et al. 2020) as timm writes them, for example <c>rand-m9-n1-mstd0.4-inc1-p0.5</c>.</summary>
/// <remarks>
/// <c>m</c> magnitude 0..10 (default 10), <c>n</c> operations per image (2), <c>mstd</c> standard deviation of the magnitude (0), <c>mmax</c> its upper bound (10),
/// <c>inc</c> 1: severity rises with the magnitude in every operation (0), <c>p</c> probability of each operation (0.5). Ours besides:
/// <c>ops=Equalize+Rotate+…</c> takes only these, as the Spikformer recipe does.
/// </remarks>
internal sealed record Recipe
{
    public const double LevelDenominator = 10;

    public double Magnitude { get; init; } = LevelDenominator;
    public int Layers { get; init; } = 2;
    public double MagnitudeStd { get; init; }
    public double MagnitudeMax { get; init; } = LevelDenominator;
    public bool IsIncreasing { get; init; }
    public double Probability { get; init; } = 0.5;
    public IReadOnlyList<Operation> Operations { get; init; } = Enum.GetValues<Operation>();

    private const string Key = "train.augment.randaugment";
    private const string Example = "rand-m9-n1-mstd0.4-inc1-p0.5";

    /// <returns>Null for "none" and "".</returns>
    /// <exception cref="ConfigException">The text is no recipe.</exception>
    public static Recipe? Parse(string text)
    {
        if (text is "" or "none") return null;
        var parts = text.Split('-');
        if (parts[0] != "rand") throw Bad(text, $"begins with '{parts[0]}'; it must be none or begin with 'rand'");
        var recipe = new Recipe();
        foreach (var part in parts.Skip(1)) recipe = recipe.With(text, part);
        return recipe;
    }

    private Recipe With(string text, string part)
    {
        if (part.StartsWith("ops=", StringComparison.Ordinal)) return this with { Operations = ParseOperations(text, part[4..]) };
        var digits = part.AsSpan().IndexOfAnyInRange('0', '9');
        var (name, value) = digits < 0 ? (part, "") : (part[..digits], part[digits..]);
        return name switch
        {
            "m" => this with { Magnitude = Number(text, part, value, 0, 30) },
            "n" => this with { Layers = (int)Whole(text, part, value, 1, 15) },
            "mstd" => this with { MagnitudeStd = Number(text, part, value, 0, 100) },
            "mmax" => this with { MagnitudeMax = Number(text, part, value, 1, 30) },
            "inc" => this with { IsIncreasing = Whole(text, part, value, 0, 1) == 1 },
            "p" => this with { Probability = Number(text, part, value, 0, 1) },
            _ => throw Bad(text, $"has the unknown part '{part}'; known are m, n, mstd, mmax, inc, p with a number, and ops=NAME+NAME"),
        };
    }

    private static double Whole(string text, string part, string value, int low, int high)
    {
        var number = Number(text, part, value, low, high);
        return number == Math.Floor(number) ? number : throw Bad(text, $"has '{part}'; a whole number from {low} to {high} is required");
    }

    private static double Number(string text, string part, string value, double low, double high) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high
            ? number
            : throw Bad(text, $"has '{part}'; a number from {low} to {high} is required after its letters");

    private static List<Operation> ParseOperations(string text, string names)
    {
        var operations = new List<Operation>();
        foreach (var name in names.Split('+'))
        {
            if (!Enum.TryParse<Operation>(name, ignoreCase: true, out var operation) || !char.IsAsciiLetter(name[0]))
                throw Bad(text, $"names the operation '{name}'; known are {string.Join(", ", Enum.GetNames<Operation>())}");
            operations.Add(operation);
        }
        return operations;
    }

    private static ConfigException Bad(string text, string problem) => new(Key, $"'{text}' {problem}. Example: {Example}.");
}

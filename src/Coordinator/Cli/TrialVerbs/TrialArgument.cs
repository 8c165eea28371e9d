using System.CommandLine;
using System.Globalization;
using Volley.Shared;

namespace Volley.Coordinator.Cli.TrialVerbs;

/// <summary>A trial as people name it: <c>my-sweep/7</c> or <c>my-sweep 7</c>.</summary>
internal static class TrialArgument
{
    public static Argument<string[]> Create() => new("SWEEP/TRIAL") { Description = "For example my-sweep/7, or my-sweep 7", Arity = new ArgumentArity(1, 2) };

    /// <exception cref="UserErrorException">Neither form.</exception>
    public static (string Sweep, int Trial) Read(string[] words)
    {
        var parts = words.Length == 1 ? words[0].Split('/') : words;
        return parts.Length == 2 && parts[0].Length > 0 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var trial)
            ? (parts[0], trial)
            : throw new UserErrorException($"\"{string.Join(' ', words)}\" is no trial; it must be a sweep and a number, for example my-sweep/7. `volley trial list SWEEP` lists them.");
    }
}

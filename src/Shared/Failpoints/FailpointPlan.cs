using System.Globalization;
using System.Runtime.InteropServices;

namespace Volley.Shared.Failpoints;

/// <summary>What is armed in this process, and how often each point was passed.</summary>
internal sealed partial class FailpointPlan
{
    private const int SigKill = 9;
    private const int SigStop = 19;

    private static readonly string[] Actions = ["kill", "stop", "error"];

    private readonly Lock _lock = new();
    private readonly List<Armed> _armed;
    private readonly string? _directory;

    private FailpointPlan(List<Armed> armed, string? directory) => (_armed, _directory) = (armed, directory);

    /// <inheritdoc cref="Failpoint.Variable"/>
    /// <exception cref="UserErrorException">Unknown names or actions.</exception>
    public static FailpointPlan Parse(string text, string? directory)
    {
        if (string.IsNullOrEmpty(directory)) return new FailpointPlan([.. text.Split(',').Select(ParseOne)], null);
        if (!Directory.Exists(directory)) throw new UserErrorException($"{Failpoint.DirectoryVariable}: {directory} is no directory.");
        return new FailpointPlan([.. text.Split(',').Select(ParseOne)], directory);
    }

    public void Hit(string name, string detail)
    {
        foreach (var armed in _armed)
        {
            if (armed.Name != name || (armed.Detail.Length > 0 && armed.Detail != detail)) continue;
            lock (_lock)
            {
                if (++armed.Hits != armed.At || !Claim(armed)) continue;
            }
            Act(armed);
        }
    }

    private static Armed ParseOne(string text)
    {
        var (place, what) = Cut(text.Trim(), '=');
        var (name, detail) = Cut(place, '/');
        var (action, count) = Cut(what, '@');
        if (!FailpointNames.All.Contains(name)) throw Wrong(text, $"'{name}' is none; there are {string.Join(", ", FailpointNames.All)}");
        if (!Actions.Contains(action)) throw Wrong(text, $"'{action}' is no action; there are {string.Join(", ", Actions)}");
        var at = 1;
        if (count.Length > 0 && (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out at) || at < 1))
            throw Wrong(text, $"'@{count}' must be the number of a hit, from 1");
        return new Armed(name, detail, action, at);
    }

    private static (string Before, string After) Cut(string text, char at) =>
        text.IndexOf(at) is >= 0 and var index ? (text[..index], text[(index + 1)..]) : (text, "");

    private static UserErrorException Wrong(string text, string why) =>
        new($"{Failpoint.Variable}: '{text}': {why}. A failpoint looks like {FailpointNames.RankMidStep}=kill@3; docs/failpoints.md lists them.");

    /// <returns>Whether it is this process's turn: the first one that gets there, of all that share the directory.</returns>
    private bool Claim(Armed armed)
    {
        if (_directory is null) return true;
        var file = Path.Combine(_directory, armed.FileName);
        var mine = $"{file}.{Environment.ProcessId}";
        // Whole or not at all: whoever finds it, finds the process in it.
        File.WriteAllText(mine, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        try
        {
            File.Move(mine, file, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(mine);
            return false;
        }
    }

    private static void Act(Armed armed)
    {
        Console.Error.WriteLine($"failpoint {armed.FileName}: {armed.Action}");
        switch (armed.Action)
        {
            // To this very thread: sent to the process, another thread may take it while this one does its next step.
            case "kill": _ = Raise(SigKill); break;
            case "stop": _ = Raise(SigStop); break;
            case "error": throw new IOException($"failpoint {armed.FileName}");
        }
    }

    [LibraryImport("libc", EntryPoint = "raise")]
    private static partial int Raise(int signal);

    private sealed record Armed(string Name, string Detail, string Action, int At)
    {
        public int Hits { get; set; }

        public string FileName => Detail.Length > 0 ? $"{Name}.{Detail}" : Name;
    }
}

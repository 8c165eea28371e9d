namespace Volley.Coordinator.Cli;

/// <summary>Command lines as a person would type them.</summary>
internal static class CommandText
{
    /// <returns>The command that started this process, ready to be pasted into a shell.</returns>
    public static string ThisCommand() => Of(["./volley", .. Environment.GetCommandLineArgs().Skip(1)]);

    public static string Of(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    private static string Quote(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./:=,@%+".Contains(letter, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}

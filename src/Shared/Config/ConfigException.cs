namespace Volley.Shared.Config;

/// <summary>One problem of a configuration: where, what was found, what is required and what to do.</summary>
/// <param name="Place"><c>file:line</c> where it is known, else empty.</param>
/// <param name="Key">Dotted key, for example <c>train.optimizer.lr</c>; empty where the whole file is meant.</param>
public sealed record ConfigProblem(string Place, string Key, string Message)
{
    public override string ToString() => string.Join(": ", new[] { Place, Key, Message }.Where(part => part.Length > 0));
}

/// <summary>A configuration that cannot be used; carries every problem found in one pass. Exit code 2.</summary>
public sealed class ConfigException(IReadOnlyList<ConfigProblem> problems)
    : UserErrorException(string.Join('\n', problems))
{
    public ConfigException(string key, string message) : this([new ConfigProblem("", key, message)]) { }

    public IReadOnlyList<ConfigProblem> Problems { get; } = problems;
}

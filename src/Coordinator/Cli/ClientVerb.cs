using System.CommandLine;
using Volley.Coordinator.Client;

namespace Volley.Coordinator.Cli;

/// <summary>What every verb has that asks a coordinator: <c>--coordinator</c>, <c>--json</c>, one sentence for what goes wrong, and exit codes.</summary>
internal static class ClientVerb
{
    /// <summary>The coordinator understood and could not do it, or what was asked about went wrong. Bad input and no coordinator are 2.</summary>
    public const int FailedExitCode = 1;

    /// <param name="help">Ends in examples.</param>
    /// <param name="symbols">Its own arguments and options.</param>
    public static Command Create(string name, string help, IEnumerable<Symbol> symbols, Func<ParseResult, ClientSession, Task<int>> act)
    {
        var coordinator = new Option<string?>("--coordinator")
        {
            Description = $"HTTP address of the coordinator, or of several with commas between them; default: the variable {CoordinatorAddress.Variable}",
            HelpName = "HOST:PORT",
        };
        var json = new Option<bool>("--json") { Description = "JSON on standard output (docs/http-api.md)" };
        var command = new Command(name, help);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        command.Add(coordinator);
        command.Add(json);
        command.SetAction(async (parsed, stop) =>
        {
            var option = parsed.GetValue(coordinator);
            var address = CoordinatorAddress.Of(option, Environment.GetEnvironmentVariable(CoordinatorAddress.Variable));
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            using var connection = new ApiConnection(address, ClientPatience.Default, TimeProvider.System, error.WriteLine);
            using var client = new SweepClient(connection);
            try
            {
                return await act(parsed, new ClientSession(client, option, parsed.GetValue(json), output, error, stop));
            }
            catch (ApiException failure) when (failure.IsFailure)
            {
                await error.WriteLineAsync(failure.Message);
                return FailedExitCode;
            }
        });
        return command;
    }

    public static Argument<string> Sweep() => new("SWEEP") { Description = "Its name; `volley sweep list` shows them" };
}

using System.CommandLine;
using System.CommandLine.Help;
using Volley.Shared.Failpoints;

namespace Volley.Shared.Cli;

/// <summary>What both programs do around a verb: errors a person can put right become one message and exit code 2.</summary>
public static class CommandLineHost
{
    /// <summary>Where Ctrl-C ended a verb, as shells count: 128 + SIGINT.</summary>
    public const int InterruptedExitCode = 130;

    /// <param name="verbs">This program's verbs, with descriptions that end in examples; a list of verbs shows VerbTable's summaries.</param>
    /// <returns>
    /// The verb's code; 2 for words it does not take and for a <see cref="UserErrorException"/>; 130 where Ctrl-C ended it.
    /// </returns>
    public static async Task<int> RunAsync(IEnumerable<Command> verbs, IReadOnlyList<string> arguments)
    {
        var isAskedForVerb = arguments.Count > 0 && !arguments[0].StartsWith('-');
        // Named "volley" in both programs: people type only that.
        var root = new Command("volley", "Volley trains spiking transformers, CNNs and ViTs, one or a whole sweep of them, on one machine or many.")
        {
            new HelpOption(),
            new VersionOption(),
        };
        foreach (var verb in isAskedForVerb ? verbs : VerbTable.All.Select(verb => new Command(verb.Name, verb.Summary) { Hidden = verb.IsHidden }))
            root.Subcommands.Add(verb);
        var parsed = root.Parse(arguments);
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // Verbs end by themselves on a signal (see Interruption): a checkpoint takes longer than the two seconds of the default.
            ProcessTerminationTimeout = null,
        };
        try
        {
            Failpoint.Arm(Environment.GetEnvironmentVariable(Failpoint.Variable), Environment.GetEnvironmentVariable(Failpoint.DirectoryVariable));
            var code = await parsed.InvokeAsync(configuration);
            return parsed.Errors.Count > 0 ? UserErrorException.ExitCode : code;
        }
        catch (UserErrorException error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return UserErrorException.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return InterruptedExitCode;
        }
    }
}

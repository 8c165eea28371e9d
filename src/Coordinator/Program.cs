using System.CommandLine;
using Volley.Coordinator.Cli;
using Volley.Shared;
using Volley.Shared.Cli;

if (args.Length > 0 && VerbTable.Find(args[0]) is { Home: VerbHome.Node })
{
    try
    {
        return NodeProgram.HandOver(args);
    }
    catch (UserErrorException error)
    {
        await Console.Error.WriteLineAsync(error.Message);
        return UserErrorException.ExitCode;
    }
}

// One line per verb of VerbTable whose home is this program.
Command[] verbs =
[
    RunCommand.Create(),
    ServeCommand.Create(),
    SweepCommand.Create(),
    TrialCommand.Create(),
    NodeCommand.Create(),
    ResultsCommand.Create(),
    ChaosCommand.Create(),
];

return await CommandLineHost.RunAsync(verbs, args);

using System.CommandLine;
using Volley.GpuNode.Cli;
using Volley.Shared.Cli;

ProcessSettings.ApplyBeforeTorch();

// One line per verb of VerbTable whose home is this program.
Command[] verbs =
[
    CheckCommand.Create(),
    DatasetCommand.Create(),
    EvalCommand.Create(),
    TrainCommand.Create(),
    ProfileCommand.Create(),
    JoinCommand.Create(),
    RankCommand.Create(),
];

return await CommandLineHost.RunAsync(verbs, args);

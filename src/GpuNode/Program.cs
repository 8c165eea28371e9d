using System.CommandLine;
using Volley.GpuNode.Cli;
using Volley.Shared.Cli;

// An agent does no arithmetic, and what is set here its ranks would inherit.
if (args is not ["join", ..]) ProcessSettings.ApplyBeforeTorch(isAlone: args is ["train" or "eval" or "profile", ..]);

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
    BenchCommand.Create(),
    GroupRankCommand.Create(),
];

return await CommandLineHost.RunAsync(verbs, args);

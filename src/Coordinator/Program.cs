using System.CommandLine;
using Volley.Coordinator.Cli;
using Volley.Shared.Cli;

return await CommandLineHost.RunAsync(() =>
{
    if (args.Length > 0 && VerbTable.Find(args[0]) is { Home: VerbHome.Node })
        return Task.FromResult(NodeProgram.HandOver(args));

    // One line per verb of VerbTable whose home is this program.
    Command[] verbs =
    [
    ];

    var root = new RootCommand("Volley trains spiking transformers, CNNs and ViTs, one or a whole sweep of them, on one machine or many.");
    foreach (var verb in verbs) root.Subcommands.Add(verb);
    foreach (var verb in VerbTable.All.Where(verb => verb.Home == VerbHome.Node))
        root.Subcommands.Add(new Command(verb.Name, verb.Summary) { Hidden = verb.IsHidden });
    return root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
});

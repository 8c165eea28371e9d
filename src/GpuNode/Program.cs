using System.CommandLine;
using Volley.GpuNode.Cli;
using Volley.Shared.Cli;

ProcessSettings.ApplyBeforeTorch();

// One line per verb of VerbTable whose home is this program.
Command[] verbs =
[
];

var root = new RootCommand("Volley's node program: the verbs that need tensors. People type `volley VERB`, which hands over.");
foreach (var verb in verbs) root.Subcommands.Add(verb);
return await CommandLineHost.RunAsync(() => root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));

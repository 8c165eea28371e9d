using System.CommandLine;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley bench</c>: measurements between processes of this machine; one file per question.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var command = new Command("bench",
            """
            Measure what ranks exchange with each other on this machine. Starts the ranks itself; needs no coordinator.

            Compare figures only where the round trip of a cache line between the cores, printed beside them, is alike.

            Examples:
              volley bench allreduce --ranks 2
              volley bench allreduce --ranks 4 --sizes 1M,25M --transport tcp --json
              volley bench train --model vit --ranks 2 --batch 64
            """);
        command.Subcommands.Add(BenchAllReduceVerb.Create());
        command.Subcommands.Add(BenchTrainVerb.Create());
        return command;
    }
}

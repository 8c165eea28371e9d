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
            """);
        command.Subcommands.Add(BenchAllReduceVerb.Create());
        return command;
    }
}

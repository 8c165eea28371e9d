using System.CommandLine;
using System.Net;
using System.Text.Json;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Local;
using Volley.GpuNode.Collectives.Transport;
using Volley.GpuNode.Processes;
using Volley.Shared;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley-node group-rank</c>: one rank of a group without coordinator. Started by benchmarks and tests (<see cref="LocalGroup"/>).</summary>
internal static class GroupRankCommand
{
    public static Command Create()
    {
        var parentPid = new Option<int>("--parent-pid") { Description = "Who started it; this process ends with it.", Required = true };
        var command = new Command("group-rank", """
            One rank of a group on this machine, without a coordinator. Not typed by people: benchmarks start it.

            It prints "listening PORT", reads its group as one line of JSON from standard input, and runs what that names.
            Exit codes: 0 done; 1 the group ended before that (a peer was lost); 2 bad input.
            """) { parentPid };
        command.SetAction(parsed =>
        {
            ParentWatch.DieWith(parsed.GetValue(parentPid));
            using var listener = new GroupListener(IPAddress.Loopback);
            Console.Out.WriteLine($"{LocalRank.ListeningWord}{listener.Port}");
            Console.Out.Flush();
            return Run(ReadOrder(), listener);
        });
        return command;
    }

    private static int Run(GroupOrder order, GroupListener listener)
    {
        if (!GroupBodies.All.TryGetValue(order.Body, out var body))
            throw new UserErrorException($"group-rank: '{order.Body}' is nothing that it can run; there is {string.Join(", ", GroupBodies.All.Keys)}.");
        try
        {
            return body(new GroupRankContext(order.Group, order.Position, listener, order.Argument, Console.In, Report));
        }
        catch (PeerLostException lost)
        {
            Console.Error.WriteLine(lost.Message);
            return 1;
        }
    }

    private static void Report(string line)
    {
        Console.Out.WriteLine(LocalRank.ReportWord + line);
        Console.Out.Flush();
    }

    private static GroupOrder ReadOrder()
    {
        try
        {
            if (Console.In.ReadLine() is { } line) return GroupOrder.Parse(line);
        }
        catch (JsonException)
        {
            // The same message: whoever typed it is no launcher.
        }
        throw new UserErrorException("group-rank expects its group from the program that started it, on standard input. To measure an exchange: volley bench allreduce --ranks 2");
    }
}

using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Processes;
using Volley.GpuNode.Rank;
using Volley.Shared;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley-node rank</c>: one rank's process. Started by an agent, which writes the secret to its standard input.</summary>
internal static class RankCommand
{
    // The agent and the rest of the machine go first (DESIGN §10).
    private const int Niceness = 10;

    public static Command Create()
    {
        var socket = new Option<string>("--socket") { Description = "The agent's Unix socket.", Required = true };
        var sweep = new Option<string>("--sweep") { Description = "Sweep of the trial.", Required = true };
        var trial = new Option<int>("--trial") { Description = "Number of the trial.", Required = true };
        var attempt = new Option<int>("--attempt") { Description = "Attempt of the trial.", Required = true };
        var rank = new Option<int>("--rank") { Description = "Number of this rank.", Required = true };
        var device = new Option<string>("--device") { Description = "cpu or cuda, as the agent resolved it.", Required = true };
        var parentPid = new Option<int>("--parent-pid") { Description = "The agent; this process ends with it.", Required = true };
        var command = new Command("rank", """
            One rank of a trial. Not typed by people: an agent (volley join, volley run) starts it and writes a secret to its standard input.

            Exit codes: 0 the agent knows how it ended (finished, stopped, failed); 2 not started by an agent, or refused by it;
            3 the agent went away. SIGTERM: finish the step, write a checkpoint, report, end. It dies with its agent.
            """)
        {
            socket, sweep, trial, attempt, rank, device, parentPid,
        };
        command.SetAction(async (parsed, _) =>
        {
            using var stop = new CancellationTokenSource();
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => { signal.Cancel = true; stop.Cancel(); });
            // Ctrl-C in a terminal reaches every process in it; whether ranks stop is the agent's decision.
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
            var agent = parsed.GetValue(parentPid);
            ParentWatch.DieWith(agent);
            Posix.SetNice(Niceness);

            var hello = new Hello
            {
                Protocol = RankLinkService.Protocol,
                Sweep = parsed.GetRequiredValue(sweep),
                Trial = parsed.GetValue(trial),
                Attempt = parsed.GetValue(attempt),
                Rank = parsed.GetValue(rank),
                Secret = ReadSecret(),
            };
            await using var link = await RankLinkClient.ConnectAsync(parsed.GetRequiredValue(socket), agent, hello, new LinkTimeouts());
            var body = new TrialRunnerBody(hello.Attempt, parsed.GetRequiredValue(device), (start, shards) => new GroupMembership(
                new RankSeat($"{hello.Sweep}/{hello.Trial}", hello.Rank, hello.Attempt, shards, AddressOf(start.Host), start.CheckpointRoot),
                link.GroupOrders, link.Post, (group, position, listener, cancel) => CollectiveFactory.Create(group, position, listener, log: Console.Out.WriteLine, cancel: cancel), Console.Out.WriteLine));
            return await new RankLife(link, body.Run, TimeProvider.System).RunAsync(stop.Token);
        });
        return command;
    }

    /// <summary>What this rank listens on. Without an address the agent serves this machine alone.</summary>
    private static IPAddress AddressOf(string host) =>
        host.Length == 0 ? IPAddress.Loopback : IPAddress.TryParse(host, out var address) ? address : Dns.GetHostAddresses(host)[0];

    private static ByteString ReadSecret()
    {
        try
        {
            var line = Console.In.ReadLine();
            if (line is { Length: 2 * RankSession.SecretBytes }) return ByteString.CopyFrom(Convert.FromHexString(line));
        }
        catch (FormatException)
        {
            // The same message: whoever typed it is no agent.
        }
        throw new UserErrorException("A rank expects its secret from the agent that started it, on standard input. To train one configuration by hand: volley train FILE.yaml");
    }
}

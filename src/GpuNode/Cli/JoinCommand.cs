using System.CommandLine;
using Akka.Actor;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Link;
using Volley.Shared;
using Volley.Shared.Cli;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley join</c>: lend this machine to a coordinator.</summary>
internal static class JoinCommand
{
    private const string CoordinatorVariable = "VOLLEY_COORDINATOR";

    public static Command Create()
    {
        var timeouts = new LinkTimeouts();
        var coordinator = new Option<string?>("--coordinator") { Description = $"HTTP addresses of the coordinators, one or all. Default: ${CoordinatorVariable}.", HelpName = "HOST:PORT[,HOST:PORT…]" };
        var clusterName = new Option<string>("--cluster-name") { Description = "As the coordinator was told; another cluster is refused.", DefaultValueFactory = _ => ClusterNames.DefaultCluster, HelpName = "NAME" };
        var seed = new Option<string[]>("--seed") { Description = "Instead of --coordinator: cluster addresses that never change.", DefaultValueFactory = _ => [], HelpName = "akka.tcp://volley@HOST:PORT" };
        var name = new Option<string?>("--name") { Description = "Name of this machine in the cluster. Default: its host name.", HelpName = "NAME" };
        var slots = new Option<int?>("--slots") { Description = "Ranks it runs at once. Default: one per GPU, or the CPU's threads divided by --threads-per-slot.", HelpName = "N" };
        var threads = new Option<int>("--threads-per-slot") { Description = "CPU threads of one slot.", DefaultValueFactory = _ => 1, HelpName = "T" };
        var device = new Option<string>("--device") { Description = "auto (GPUs where there are any), cpu or cuda.", DefaultValueFactory = _ => "auto", HelpName = "auto|cpu|cuda" };
        var runDirectory = new Option<string?>("--run-dir") { Description = "For the socket between agent and ranks; short. Default: $XDG_RUNTIME_DIR/volley, or /tmp/volley-UID.", HelpName = "DIR" };
        var dataRoot = new Option<string?>("--data-root") { Description = "Data sets that sweeps name by relative paths, and the cache of prepared ones. Default: ~/.cache/volley/data.", HelpName = "DIR" };
        var checkpointRoot = new Option<string?>("--checkpoint-root") { Description = "Checkpoints lie under it; nothing is written or deleted outside. Storage that all agents share, or not (checkpoint.store). Default: ~/.local/state/volley/checkpoints.", HelpName = "DIR" };
        var logDirectory = new Option<string?>("--log-dir") { Description = "Logs of the ranks. Default: ~/.local/state/volley/logs/NAME.", HelpName = "DIR" };
        var bind = new Option<string?>("--bind") { Description = "This machine's address as the others reach it. Default: the one on the route to the first coordinator.", HelpName = "HOST" };
        var port = new Option<int>("--port") { Description = "Cluster port of this agent; 0: any free one.", DefaultValueFactory = _ => 0, HelpName = "P" };
        var http = new Option<string?>("--http") { Description = "Serve checkpoints to other agents, logs and /healthz here. Default: the address of --bind, any free port.", HelpName = "HOST:PORT" };
        var drainTimeout = new Option<double>("--drain-timeout") { Description = "After SIGTERM (a spot notice, say) ranks get so long for their step and a checkpoint, then they are killed. A second signal kills them at once.", DefaultValueFactory = _ => timeouts.Stop.TotalSeconds, HelpName = "SECONDS" };
        var rankTimeout = new Option<double>("--rank-timeout") { Description = "A rank that gives no sign of life for so long (stopped, hanging) is killed; its trial goes on from its checkpoint.", DefaultValueFactory = _ => timeouts.Silence.TotalSeconds, HelpName = "SECONDS" };
        var parentPid = new Option<int?>("--parent-pid") { Description = "End, with every rank, when this parent process is gone (volley run uses it).", HelpName = "PID" };
        var command = new Command("join", """
            Lend this machine's slots to a coordinator, until Ctrl-C or SIGTERM: ranks then stop at their next step, write a checkpoint and report.

            Examples:
              volley join --coordinator 10.0.0.1:7070
              volley join --coordinator 10.0.0.1:7070,10.0.0.2:7070,10.0.0.3:7070 --slots 4 --threads-per-slot 2 --device cpu
            """)
        {
            coordinator, clusterName, seed, name, slots, threads, device, runDirectory, dataRoot, checkpointRoot, logDirectory, bind, port, http, drainTimeout, rankTimeout, parentPid,
        };
        command.SetAction((parsed, _) =>
        {
            var seeds = JoinOptions.CheckSeeds(parsed.GetRequiredValue(seed));
            var asked = parsed.GetValue(coordinator) ?? (seeds.Count > 0 ? null : Environment.GetEnvironmentVariable(CoordinatorVariable));
            if (asked is { Length: > 0 } == seeds.Count > 0)
                throw new UserErrorException(seeds.Count > 0 ? "--seed: stands instead of --coordinator; give one of them." : $"--coordinator: is missing. Give the HTTP address of `volley serve`, for example 10.0.0.1:7070, here or in {CoordinatorVariable}.");
            var coordinators = seeds.Count > 0 ? [] : JoinOptions.CheckCoordinators(asked!);
            var address = parsed.GetValue(bind) ?? JoinOptions.BindTowards(seeds.Count > 0 ? Address.Parse(seeds[0]).Host! : coordinators[0].IdnHost);
            var node = JoinOptions.CheckName(parsed.GetValue(name) ?? Machine.NodeName());
            return AgentProgram.RunAsync(
                new JoinOptions
                {
                    Coordinators = coordinators,
                    ClusterName = JoinOptions.CheckClusterName(parsed.GetRequiredValue(clusterName)),
                    Seeds = seeds,
                    Name = node,
                    Slots = parsed.GetValue(slots),
                    ThreadsPerSlot = parsed.GetValue(threads),
                    Device = parsed.GetValue(device)!,
                    RunDirectory = Path.GetFullPath(parsed.GetValue(runDirectory) ?? JoinOptions.DefaultRunDirectory()),
                    DataRoot = Path.GetFullPath(parsed.GetValue(dataRoot) ?? UserFolders.DataRoot()),
                    LogDirectory = Path.GetFullPath(parsed.GetValue(logDirectory) ?? JoinOptions.DefaultLogDirectory(node)),
                    CheckpointRoot = parsed.GetValue(checkpointRoot) ?? (parsed.GetValue(parentPid) is null ? JoinOptions.DefaultCheckpointRoot() : null),
                    Bind = address,
                    Http = JoinOptions.CheckHttp(parsed.GetValue(http), address),
                    Port = JoinOptions.CheckPort(parsed.GetValue(port)),
                    DrainTimeout = JoinOptions.CheckSeconds("--drain-timeout", parsed.GetValue(drainTimeout)),
                    RankTimeout = JoinOptions.CheckSeconds("--rank-timeout", parsed.GetValue(rankTimeout)),
                    ParentPid = parsed.GetValue(parentPid),
                },
                parsed.GetValue(parentPid) is null ? Console.Out.WriteLine : _ => { });
        });
        return command;
    }
}

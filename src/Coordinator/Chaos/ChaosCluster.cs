using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Network;
using Volley.Coordinator.Chaos.Processes;
using Volley.Coordinator.Cli;

namespace Volley.Coordinator.Chaos;

/// <param name="Folder">Holds the coordinator's data, checkpoints and logs of this cluster.</param>
/// <param name="RunDirectory">Short: sockets of agents and ranks lie below it.</param>
/// <param name="Network">Null: everything on loopback.</param>
internal sealed record ChaosClusterOptions(int Nodes, string Folder, string RunDirectory, string DataRoot, string Store, NetworkNamespaces? Network)
{
    /// <summary>With <c>store: dir</c> the same for all nodes.</summary>
    public string CheckpointRootOf(string node) => Store == "node" ? Path.Combine(Folder, "checkpoints", node) : Path.Combine(Folder, "checkpoints");

    public IEnumerable<string> NodeNames => Enumerable.Range(0, Nodes).Select(NodeName);

    public string Journal => Path.Combine(Folder, "coordinator", "journal");

    public string Logs => Path.Combine(Folder, "logs");

    public static string NodeName(int index) => $"n{index + 1}";
}

/// <summary>A whole cluster on this machine: one coordinator, some agents, each a child process that is started again when it ends.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    // As many trials run as there are nodes: the second slot is where the trials of a dead node go on.
    private const int SlotsPerNode = 2;

    private const int FirstPort = 20_000;
    private const int Ports = 12_000;

    // Runs side by side begin at different places.
    private static int _portsTried = Environment.ProcessId * 37 % Ports;

    private ChaosCluster(Uri http, Service coordinator, IReadOnlyDictionary<string, Service> agents) => (Http, Coordinator, Agents) = (http, coordinator, agents);

    public Uri Http { get; }

    public Service Coordinator { get; }

    /// <summary>By name of the node.</summary>
    public IReadOnlyDictionary<string, Service> Agents { get; }

    /// <summary>Completes as a failure when one of them cannot be kept alive.</summary>
    public Task Supervision => Task.WhenAny([Coordinator.Supervision, .. Agents.Values.Select(agent => agent.Supervision)]).Unwrap();

    public static async Task<ChaosCluster> StartAsync(ChaosClusterOptions options, Ledger ledger, TimeProvider clock)
    {
        var host = options.Network?.AddressOf(ClusterPicture.Coordinator) ?? "127.0.0.1";
        // In a namespace every port is free.
        var (http, cluster) = options.Network is null ? (FreePort(), FreePort()) : (7070, 4053);
        var coordinator = Service.Start(
            ClusterPicture.Coordinator,
            () => In(options.Network, ClusterPicture.Coordinator, [OwnProgram.Command.Program, .. OwnProgram.Command.First,
                "serve", "--data", Path.Combine(options.Folder, "coordinator"), "--http", $"{host}:{http}", "--cluster", $"{host}:{cluster}"]),
            Path.Combine(options.Logs, "coordinator.out"), ledger, clock);
        var agents = new Dictionary<string, Service>();
        try
        {
            var node = NodeProgram.Locate();
            foreach (var name in options.NodeNames)
            {
                // A fixed port: an agent that is started again comes back at its old address.
                var (bind, port) = options.Network is null ? ("127.0.0.1", FreePort()) : (options.Network.AddressOf(name), 4053);
                agents.Add(name, Service.Start(
                    name,
                    () => In(options.Network, name, [node,
                        "join", "--coordinator", $"{host}:{http}", "--name", name, "--slots", $"{SlotsPerNode}", "--device", "cpu",
                        "--bind", bind, "--port", $"{port}", "--run-dir", options.RunDirectory, "--data-root", options.DataRoot,
                        "--checkpoint-root", options.CheckpointRootOf(name), "--log-dir", Path.Combine(options.Logs, name), "--parent-pid", $"{Environment.ProcessId}"]),
                    Path.Combine(options.Logs, $"{name}.out"), ledger, clock));
            }
            return new ChaosCluster(new Uri($"http://{host}:{http}"), coordinator, agents);
        }
        catch
        {
            foreach (var agent in agents.Values) await agent.DisposeAsync();
            await coordinator.DisposeAsync();
            throw;
        }
    }

    /// <summary>In good order: agents first, they report to the coordinator.</summary>
    public async Task StopAsync()
    {
        await Task.WhenAll(Agents.Values.Select(agent => agent.StopAsync()));
        await Coordinator.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in Agents.Values) await agent.DisposeAsync();
        await Coordinator.DisposeAsync();
    }

    private static ProcessStartInfo In(NetworkNamespaces? network, string member, IReadOnlyList<string> command)
    {
        if (network is null) return new ProcessStartInfo(command[0], command.Skip(1));
        var (program, first) = network.Inside(member);
        return new ProcessStartInfo(program, [.. first, .. command]);
    }

    /// <summary>Below the range that outgoing connections take theirs from (32768 and up): a port that is given must stay free while its owner restarts.</summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = FirstPort + (Interlocked.Increment(ref _portsTried) % Ports);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse && _portsTried < 2 * Ports)
            {
                // The next one.
            }
        }
    }
}

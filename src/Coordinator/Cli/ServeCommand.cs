using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Journal;
using Volley.Shared;
using Volley.Shared.Cli;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley serve</c>: a coordinator of its own, for agents that join it and clients that speak HTTP.</summary>
internal static partial class ServeCommand
{
    private const string PasswordVariable = "PGPASSWORD";

    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Folder for the journal and the log; the same folder again goes on where it was", HelpName = "DIR", DefaultValueFactory = _ => "volley-data" };
        var journal = new Option<string>("--journal") { Description = $"sqlite: a file under --data. postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE: a server, for several coordinators; the password may stand in {PasswordVariable}", HelpName = "sqlite|postgres://…", DefaultValueFactory = _ => JournalOption.Sqlite };
        var http = new Option<string>("--http") { Description = "Address of the HTTP API", HelpName = "HOST:PORT", DefaultValueFactory = _ => "127.0.0.1:7070" };
        var cluster = new Option<string>("--cluster") { Description = "Address that agents and other coordinators reach this one at", HelpName = "HOST:PORT", DefaultValueFactory = _ => "127.0.0.1:4053" };
        var peers = new Option<string?>("--peers") { Description = "The --cluster addresses of all three coordinators, with this one, in the same order everywhere", HelpName = "HOST:PORT,HOST:PORT,HOST:PORT" };
        var name = new Option<string>("--cluster-name") { Description = "Agents that were told another name are refused", HelpName = "NAME", DefaultValueFactory = _ => ClusterNames.DefaultCluster };
        var command = new Command("serve", """
            Start a coordinator that agents join. It listens on loopback unless told otherwise; whoever reaches its ports can use it.

            One coordinator is enough: when it dies, ranks train on, and it goes on when it is started again. With three, on three machines and one
            PostgreSQL journal, another takes over by itself; each of them answers the HTTP API.

            Examples:
              volley serve --data /var/lib/volley
              volley serve --http 10.0.0.1:7070 --cluster 10.0.0.1:4053
              volley serve --http 10.0.0.1:7070 --cluster 10.0.0.1:4053 --peers 10.0.0.1:4053,10.0.0.2:4053,10.0.0.3:4053 \
                --journal postgres://volley@10.0.0.9/volley
            """)
        {
            data, journal, http, cluster, peers, name,
        };
        command.SetAction((arguments, _) =>
        {
            var directory = Path.GetFullPath(arguments.GetRequiredValue(data));
            var (httpHost, httpPort) = Address("--http", arguments.GetRequiredValue(http));
            var (clusterHost, clusterPort) = Address("--cluster", arguments.GetRequiredValue(cluster));
            var options = new CoordinatorOptions(Path.Combine(directory, "journal"), Path.Combine(directory, "logs"))
            {
                ClusterName = CheckName(arguments.GetRequiredValue(name)),
                ClusterHost = clusterHost,
                ClusterPort = clusterPort,
                HttpHost = httpHost,
                HttpPort = httpPort,
                Peers = CheckPeers(arguments.GetValue(peers), $"{clusterHost}:{clusterPort}", httpPort),
                Tell = Console.Error.WriteLine,
            };
            var store = JournalOption.Parse(arguments.GetRequiredValue(journal), options.JournalDirectory, Environment.GetEnvironmentVariable(PasswordVariable));
            if (options.Peers.Length > 1 && !store.IsShared)
                throw new UserErrorException("--peers: three coordinators need one journal that all of them reach, and sqlite is a file of this machine. Give each of them the same --journal postgres://….");
            return RunAsync(directory, options with { Journal = store });
        });
        return command;
    }

    private static async Task<int> RunAsync(string data, CoordinatorOptions options)
    {
        using var interruption = new Interruption();
        using var held = DataFolder.Hold(data);
        await using var coordinator = await CoordinatorHost.StartAsync(options, TimeProvider.System, interruption.Token);
        Console.WriteLine($"HTTP API at {coordinator.HttpAddress}; agents join with: volley join --coordinator {coordinator.HttpAddress.Authority}{(options.ClusterName == ClusterNames.DefaultCluster ? "" : $" --cluster-name {options.ClusterName}")}");

        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, interruption.Token);
        if (await Task.WhenAny(stopped, coordinator.Abdication) == coordinator.Abdication)
            throw new UserErrorException(await coordinator.Abdication);
        return 0;
    }

    /// <summary>One coordinator, or three: majority decides who goes on when they lose sight of each other.</summary>
    private static ImmutableArray<string> CheckPeers(string? text, string own, int httpPort)
    {
        if (text is null) return [];
        ImmutableArray<string> peers = [.. text.Split(',', StringSplitOptions.TrimEntries)];
        foreach (var peer in peers)
            if (Address("--peers", peer).Port == 0) throw new UserErrorException($"--peers: {peer} needs a port that the others can know.");
        if (peers.Distinct().Count() != peers.Length) throw new UserErrorException($"--peers: {text} names one coordinator twice.");
        if (peers.Length is not (1 or 3))
            throw new UserErrorException($"--peers: names {peers.Length} coordinators, must name 1 or 3. Of two, neither can tell a dead peer from a cut cable, so losing one would stop both; more than three only make more to agree.");
        if (!peers.Contains(own)) throw new UserErrorException($"--peers: {text} lacks this coordinator, --cluster {own}. The list is the same on every machine, in the same order.");
        if (peers.Length > 1 && httpPort == 0) throw new UserErrorException("--http: port 0 cannot be known by the other coordinators, who pass requests on to it; choose one.");
        return peers;
    }

    private static string CheckName(string name) =>
        ValidName().IsMatch(name) ? name : throw new UserErrorException($"--cluster-name: '{name}' must be 1 to 63 of a-z, 0-9 and '-'.");

    private static (string Host, int Port) Address(string option, string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon > 0 && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535)
            return (text[..colon], port);
        throw new UserErrorException($"{option}: is \"{text}\", must be HOST:PORT, for example 127.0.0.1:7070{(option == "--peers" ? "" : " (port 0: any free one)")}.");
    }

    [GeneratedRegex("^[a-z0-9-]{1,63}$")]
    private static partial Regex ValidName();
}

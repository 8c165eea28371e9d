using System.CommandLine;
using System.Globalization;
using Volley.Coordinator.Hosting;
using Volley.Shared;
using Volley.Shared.Cli;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley serve</c>: a coordinator of its own, for agents that join it and clients that speak HTTP.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Folder for the journal and the log; the same folder again goes on where it was", HelpName = "DIR", DefaultValueFactory = _ => "volley-data" };
        var http = new Option<string>("--http") { Description = "Address of the HTTP API", HelpName = "HOST:PORT", DefaultValueFactory = _ => "127.0.0.1:7070" };
        var cluster = new Option<string>("--cluster") { Description = "Address that agents join", HelpName = "HOST:PORT", DefaultValueFactory = _ => "127.0.0.1:4053" };
        var command = new Command("serve", """
            Start a coordinator that agents join. It listens on loopback unless told otherwise; whoever reaches its ports can use it.

            Examples:
              volley serve --data /var/lib/volley
              volley serve --http 10.0.0.1:7070 --cluster 10.0.0.1:4053
            """)
        {
            data, http, cluster,
        };
        command.SetAction((arguments, _) => RunAsync(
            Path.GetFullPath(arguments.GetRequiredValue(data)),
            Address("--http", arguments.GetRequiredValue(http)),
            Address("--cluster", arguments.GetRequiredValue(cluster))));
        return command;
    }

    private static async Task<int> RunAsync(string data, (string Host, int Port) http, (string Host, int Port) cluster)
    {
        using var interruption = new Interruption();
        var options = new CoordinatorOptions(Path.Combine(data, "journal"), Path.Combine(data, "logs"))
        {
            ClusterHost = cluster.Host,
            ClusterPort = cluster.Port,
            HttpHost = http.Host,
            HttpPort = http.Port,
        };
        await using var coordinator = await CoordinatorHost.StartAsync(options, TimeProvider.System, interruption.Token);
        Console.WriteLine($"HTTP API at {coordinator.HttpAddress}; agents join with: volley join --seed {coordinator.SeedAddress}");

        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, interruption.Token);
        if (await Task.WhenAny(stopped, coordinator.Abdication) == coordinator.Abdication)
            throw new UserErrorException(await coordinator.Abdication);
        return 0;
    }

    private static (string Host, int Port) Address(string option, string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon > 0 && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535)
            return (text[..colon], port);
        throw new UserErrorException($"{option}: is \"{text}\", must be HOST:PORT, for example 127.0.0.1:7070 (port 0: any free one).");
    }
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Akka.Actor;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Link;
using Volley.Shared;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>What <c>join</c> was told, checked; what it was not told, chosen.</summary>
internal sealed partial record JoinOptions
{
    /// <summary>HTTP addresses of coordinators; empty: the seeds are given instead.</summary>
    public IReadOnlyList<Uri> Coordinators { get; init; } = [];

    public string ClusterName { get; init; } = ClusterNames.DefaultCluster;

    /// <summary>Cluster addresses, where no coordinator is asked for them.</summary>
    public IReadOnlyList<string> Seeds { get; init; } = [];
    public required string Name { get; init; }
    public int? Slots { get; init; }
    public int ThreadsPerSlot { get; init; } = 1;
    public string Device { get; init; } = "auto";
    public required string RunDirectory { get; init; }
    public required string DataRoot { get; init; }
    public required string LogDirectory { get; init; }

    /// <summary>Null: the coordinator's absolute paths count (a local agent).</summary>
    public string? CheckpointRoot { get; init; }
    public required string Bind { get; init; }
    public int Port { get; init; }

    /// <summary>Where checkpoints, logs and health are served.</summary>
    public required IPEndPoint Http { get; init; }

    /// <summary>From a request to stop until a rank that has not stopped is killed.</summary>
    public TimeSpan DrainTimeout { get; init; } = new LinkTimeouts().Stop;

    /// <summary>A rank that gives no sign of life for so long is killed.</summary>
    public TimeSpan RankTimeout { get; init; } = new LinkTimeouts().Silence;

    /// <summary>Set: a local agent of <c>volley run</c>, which ends with that process and writes nothing to the terminal.</summary>
    public int? ParentPid { get; init; }

    /// <param name="text">HOST:PORT, several separated by commas.</param>
    /// <exception cref="UserErrorException">No HTTP addresses.</exception>
    public static IReadOnlyList<Uri> CheckCoordinators(string text)
    {
        var addresses = new List<Uri>();
        foreach (var item in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var url = item.Contains("://", StringComparison.Ordinal) ? item : $"http://{item}";
            if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp || address.Host.Length == 0 || address.AbsolutePath != "/"
                || (item == url ? address.IsDefaultPort : !item.EndsWith($":{address.Port}", StringComparison.Ordinal)))
                throw new UserErrorException($"--coordinator: '{item}' is no HTTP address of a coordinator; one looks like 10.0.0.1:7070, several like 10.0.0.1:7070,10.0.0.2:7070.");
            addresses.Add(address);
        }
        return addresses;
    }

    public static string CheckClusterName(string name) =>
        ValidName().IsMatch(name) ? name : throw new UserErrorException($"--cluster-name: '{name}' must be 1 to 63 of a-z, 0-9 and '-'.");

    /// <exception cref="UserErrorException">A seed that is no address of a Volley cluster.</exception>
    public static IReadOnlyList<string> CheckSeeds(IReadOnlyList<string> seeds)
    {
        foreach (var seed in seeds)
        {
            if (!ActorPath.TryParseAddress(seed, out var address) || address.Host is null || address.Port is null || address.System != ClusterNames.ActorSystem)
                throw new UserErrorException($"--seed: '{seed}' is no coordinator's address; one looks like akka.tcp://{ClusterNames.ActorSystem}@10.0.0.1:4053.");
        }
        return seeds;
    }

    /// <exception cref="UserErrorException">Not <c>[a-z0-9-]{1,63}</c>: it is used in paths, URLs and metric labels.</exception>
    public static string CheckName(string name) =>
        ValidName().IsMatch(name) ? name : throw new UserErrorException($"--name: '{name}' must be 1 to 63 of a-z, 0-9 and '-'.");

    /// <exception cref="UserErrorException">Not from 1 s to a day.</exception>
    public static TimeSpan CheckSeconds(string option, double seconds) =>
        seconds is >= 1 and <= 86400 ? TimeSpan.FromSeconds(seconds) : throw new UserErrorException($"{option}: is {seconds}, must be from 1 to 86400 seconds.");

    public static int CheckPort(int port) =>
        port is >= 0 and <= 65535 ? port : throw new UserErrorException($"--port: is {port}, must be 1 to 65535, or 0 for any free one.");

    /// <param name="http"><c>HOST:PORT</c>; null: the address that the cluster uses, any free port.</param>
    /// <exception cref="UserErrorException">No address, or none of this machine's names.</exception>
    public static IPEndPoint CheckHttp(string? http, string bind)
    {
        var text = http ?? $"{(bind.Contains(':', StringComparison.Ordinal) ? $"[{bind}]" : bind)}:0";
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            throw new UserErrorException($"--http: '{text}' must be HOST:PORT, for example 0.0.0.0:4080; port 0 is any free one.");
        var host = text[..colon].Trim('[', ']');
        if (IPAddress.TryParse(host, out var address)) return new IPEndPoint(address, port);
        try
        {
            return new IPEndPoint(Dns.GetHostAddresses(host)[0], port);
        }
        catch (SocketException error)
        {
            throw new UserErrorException($"--http: the host '{host}' is unknown: {error.Message}", error);
        }
    }

    /// <summary>The route to a coordinator decides which of this machine's addresses others should use.</summary>
    public static string BindTowards(string host) => Machine.AddressTowards(host);

    /// <summary>Short, because a socket lies in it; this user's alone.</summary>
    public static string DefaultRunDirectory() =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && Directory.Exists(runtime)
            ? Path.Combine(runtime, "volley")
            : $"/tmp/volley-{Processes.Posix.EffectiveUser()}";

    public static string DefaultLogDirectory(string name) => Path.Combine(Home("XDG_STATE_HOME", Path.Combine(".local", "state")), "logs", name);

    /// <summary>The same for every agent of this user: two on one machine then see each other's checkpoints, as agents on shared storage do.</summary>
    public static string DefaultCheckpointRoot() => Path.Combine(Home("XDG_STATE_HOME", Path.Combine(".local", "state")), "checkpoints");

    private static string Home(string variable, string below) => Path.Combine(
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), below),
        "volley");

    [GeneratedRegex("^[a-z0-9-]{1,63}$")]
    private static partial Regex ValidName();
}

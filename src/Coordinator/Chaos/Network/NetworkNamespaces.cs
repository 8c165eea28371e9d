using Volley.Coordinator.Chaos.Processes;
using Volley.Shared;

namespace Volley.Coordinator.Chaos.Network;

/// <summary>
/// A network of its own for each member of a cluster, on one machine: a namespace per member, joined by a bridge in yet another one, so
/// that the machine's own network sees one link and no more. A cut link loses packets without a word, as a pulled cable does.
/// </summary>
/// <remarks>Needs root and <c>ip</c> (iproute2). Everything is in the ledger before it is made.</remarks>
internal sealed class NetworkNamespaces
{
    private const string Device = "eth0";
    private const string Bridge = "br0";

    // An interface's name has 15 letters at most.
    private readonly string _prefix = $"vly{Environment.ProcessId}";
    private readonly string _subnet;
    private readonly Ledger _ledger;
    private readonly Dictionary<string, int> _members = [];

    private NetworkNamespaces(Ledger ledger, string subnet) => (_ledger, _subnet) = (ledger, subnet);

    private string BridgeNamespace => $"{_prefix}-bridge";

    /// <summary>Why this machine cannot have them; null: it can.</summary>
    public static string? Obstacle()
    {
        if (!Environment.IsPrivilegedProcess) return "network namespaces need root";
        var name = $"vly{Environment.ProcessId}-probe";
        if (SystemTool.Run("ip", "netns", "add", name) is { Code: not 0 } failed) return failed.Code == 127 ? "network namespaces need `ip` (Debian: iproute2)" : $"network namespaces cannot be made here ({failed.Says})";
        SystemTool.Run("ip", "netns", "delete", name);
        return null;
    }

    /// <param name="members">Each gets an address, in this order.</param>
    /// <exception cref="UserErrorException">The machine refuses.</exception>
    public static NetworkNamespaces Create(Ledger ledger, IReadOnlyList<string> members)
    {
        var network = new NetworkNamespaces(ledger, FreeSubnet());
        network.MakeNamespace(network.BridgeNamespace);
        SystemTool.Require("ip", "-n", network.BridgeNamespace, "link", "add", Bridge, "type", "bridge");
        SystemTool.Require("ip", "-n", network.BridgeNamespace, "link", "set", Bridge, "up");
        network.Plug("host", network._prefix, null, $"{network._subnet}.254");
        foreach (var member in members) network.AddMember(member);
        return network;
    }

    public string AddressOf(string member) => $"{_subnet}.{1 + _members[member]}";

    /// <summary>What comes before a program's own name to start it as that member; it replaces itself with the program, so the process id stays.</summary>
    public (string Program, string[] First) Inside(string member) => ("ip", ["netns", "exec", NamespaceOf(member)]);

    public void Cut(string member) => SystemTool.Require("ip", "-n", BridgeNamespace, "link", "set", PortOf(member), "down");

    public void Mend(string member) => SystemTool.Require("ip", "-n", BridgeNamespace, "link", "set", PortOf(member), "up");

    private void AddMember(string member)
    {
        _members.Add(member, _members.Count);
        MakeNamespace(NamespaceOf(member));
        SystemTool.Require("ip", "-n", NamespaceOf(member), "link", "set", "lo", "up");
        Plug(PortOf(member), Device, NamespaceOf(member), AddressOf(member));
    }

    /// <summary>A cable: one end is a port of the bridge, the other a device in a namespace (null: the machine's own).</summary>
    private void Plug(string port, string device, string? inside, string address)
    {
        string[] place = inside is null ? [] : ["netns", inside];
        string[] at = inside is null ? [] : ["-n", inside];
        if (inside is null) _ledger.Add(new Ledger.Entry(Link: device));
        SystemTool.Require("ip", ["link", "add", device, .. place, "type", "veth", "peer", "name", port, "netns", BridgeNamespace]);
        SystemTool.Require("ip", "-n", BridgeNamespace, "link", "set", port, "master", Bridge);
        SystemTool.Require("ip", "-n", BridgeNamespace, "link", "set", port, "up");
        SystemTool.Require("ip", [.. at, "addr", "add", $"{address}/24", "dev", device]);
        SystemTool.Require("ip", [.. at, "link", "set", device, "up"]);
    }

    private void MakeNamespace(string name)
    {
        _ledger.Add(new Ledger.Entry(Namespace: name));
        SystemTool.Require("ip", "netns", "add", name);
    }

    private string NamespaceOf(string member) => $"{_prefix}-{member}";

    private string PortOf(string member) => $"p{_members[member]}";

    /// <summary>10.77.0.0/24, or the next that no address of this machine is in: another run may be under way.</summary>
    private static string FreeSubnet()
    {
        var taken = SystemTool.Run("ip", "-4", "-o", "addr", "show").Says;
        return Enumerable.Range(0, 256).Select(third => $"10.77.{third}").FirstOrDefault(subnet => !taken.Contains($" {subnet}.", StringComparison.Ordinal))
            ?? throw new UserErrorException("Every network 10.77.*.0/24 has an address on this machine already: none is left for the namespaces.");
    }
}

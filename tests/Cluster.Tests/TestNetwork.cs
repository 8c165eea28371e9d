using System.Diagnostics;
using Volley.TestKit;

namespace Volley.Cluster.Tests;

/// <summary>Machines of a test: network namespaces on one bridge, with addresses of their own and no way out.</summary>
internal sealed class TestNetwork : IDisposable
{
    private readonly string _prefix = $"vct{Environment.ProcessId}";
    private readonly List<string> _namespaces = [];

    /// <param name="subnet">The first three numbers of the addresses.</param>
    /// <param name="hosts">The last number of each machine's.</param>
    public TestNetwork(string subnet, params ReadOnlySpan<int> hosts)
    {
        if (!Environment.IsPrivilegedProcess || !new[] { "/sbin/ip", "/usr/sbin/ip", "/bin/ip", "/usr/bin/ip" }.Any(File.Exists))
            SharedFiles.SkipOrFail("Network namespaces need root and `ip` (Debian: iproute2).");
        var bridge = Add("bridge");
        Ip("-n", bridge, "link", "add", "br0", "type", "bridge");
        Ip("-n", bridge, "link", "set", "br0", "up");
        foreach (var host in hosts)
        {
            var machine = Add($"{host}");
            var port = $"{_prefix}-{host}";
            Ip("-n", bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", machine);
            Ip("-n", bridge, "link", "set", port, "master", "br0", "up");
            Ip("-n", machine, "addr", "add", $"{subnet}.{host}/24", "dev", "eth0");
            Ip("-n", machine, "link", "set", "eth0", "up");
            Ip("-n", machine, "link", "set", "lo", "up");
        }
    }

    /// <summary>What comes before a command line to run it on that machine.</summary>
    public string[] On(int host) => ["ip", "netns", "exec", $"{_prefix}-{host}"];

    /// <summary>A cut link says nothing to either end.</summary>
    public void SetLink(int host, bool isUp) => Ip("-n", $"{_prefix}-bridge", "link", "set", $"{_prefix}-{host}", isUp ? "up" : "down");

    /// <summary>A namespace goes when its name and its last process have gone; the links with it.</summary>
    public void Dispose()
    {
        foreach (var name in _namespaces) Ip("netns", "delete", name);
    }

    private string Add(string name)
    {
        var full = $"{_prefix}-{name}";
        Ip("netns", "add", full);
        _namespaces.Add(full);
        return full;
    }

    private static void Ip(params IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {said}");
    }
}

using System.Net;
using System.Net.Sockets;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;

namespace Volley.GpuNode.Devices;

/// <summary>What an agent finds out about the machine it runs on.</summary>
internal static partial class Machine
{
    /// <returns>The host's name in letters that paths and labels allow.</returns>
    public static string NodeName() => NodeNameOf(Dns.GetHostName());

    internal static string NodeNameOf(string host)
    {
        var name = NotAllowed().Replace(host.Split('.')[0].ToLowerInvariant(), "-").Trim('-');
        return name.Length == 0 ? "node" : name[..Math.Min(63, name.Length)];
    }

    /// <summary>In bytes, as far as this process's control group lets it.</summary>
    public static long MemoryBytes() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>What decides the last bits, as far as it is known before libtorch is loaded: placement prefers machines that agree.</summary>
    public static string Numerics(DeviceInventory devices) => devices.Gpus.Count > 0
        ? string.Join(", ", devices.Gpus.Select(gpu => gpu.Name).Distinct())
        : $"{Processor()}, {(Avx512F.IsSupported ? "avx512" : Avx2.IsSupported ? "avx2" : "baseline")}";

    /// <returns>The processor's model, as the kernel names it.</returns>
    public static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line[(line.IndexOf(':') + 1)..].Trim()
            : "unknown processor";

    /// <returns>The address from which this machine reaches <paramref name="host"/>; nothing is sent.</returns>
    public static string AddressTowards(string host)
    {
        try
        {
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(host, 9);   // any port: connecting a datagram socket only chooses the route
            var local = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return (local.IsIPv4MappedToIPv6 ? local.MapToIPv4() : local).ToString();
        }
        catch (SocketException error)
        {
            throw new Shared.UserErrorException($"--coordinator: {host} cannot be reached from this machine: {error.Message}. Check the address, or name this machine's own with --bind.", error);
        }
    }

    [GeneratedRegex("[^a-z0-9-]+")]
    private static partial Regex NotAllowed();
}

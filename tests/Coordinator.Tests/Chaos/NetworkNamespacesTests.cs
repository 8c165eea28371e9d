using System.Net;
using System.Net.Sockets;
using Volley.Coordinator.Chaos;
using Volley.Coordinator.Chaos.Network;
using Volley.Coordinator.Chaos.Processes;
using Volley.TestKit;

namespace Volley.Coordinator.Tests.Chaos;

/// <summary>What needs root: namespaces with links that can be cut, a disk that can be full.</summary>
public sealed class NetworkNamespacesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ACutLink_LosesEverything_AMendedOneNothing_AndNoneIsLeftBehind()
    {
        if (NetworkNamespaces.Obstacle() is { } obstacle) SharedFiles.SkipOrFail(obstacle);
        var path = Path.Combine(_folder, "ledger.jsonl");
        using var ledger = new Ledger(path);
        try
        {
            var network = NetworkNamespaces.Create(ledger, ["coordinator", "n1"]);
            using var listener = new TcpListener(IPAddress.Any, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            var host = network.AddressOf("n1")[..^1] + "254";

            bool Reaches(string member)
            {
                var (program, first) = network.Inside(member);
                return SystemTool.Run(program, [.. first, "timeout", "2", "bash", "-c", $"exec 3<>/dev/tcp/{host}/{port}"]).Code == 0;
            }

            Assert.True(Reaches("n1"));
            Assert.True(Reaches("coordinator"));
            network.Cut("n1");
            Assert.False(Reaches("n1"));
            Assert.True(Reaches("coordinator"));
            network.Mend("n1");
            // A device that has its carrier back needs a moment: each try waits for up to two seconds itself.
            Assert.Contains(Enumerable.Range(0, 10), _ => Reaches("n1"));
            Assert.Contains($"vly{Environment.ProcessId}-n1", SystemTool.Run("ip", "netns", "list").Says, StringComparison.Ordinal);
        }
        finally
        {
            Assert.Empty(Ledger.Undo(path));
        }
        Assert.DoesNotContain($"vly{Environment.ProcessId}", SystemTool.Run("ip", "netns", "list").Says + SystemTool.Run("ip", "link", "show").Says, StringComparison.Ordinal);
    }

    [Fact]
    public void AFullDisk_TakesNothingMore_KeepsWhatItHas_AndHasRoomAgainWhenEmptied()
    {
        if (SmallDisk.Obstacle(Path.Combine(_folder, "probe")) is { } obstacle) SharedFiles.SkipOrFail(obstacle);
        var (path, folder) = (Path.Combine(_folder, "ledger.jsonl"), Path.Combine(_folder, "disk"));
        using var ledger = new Ledger(path);
        try
        {
            var disk = SmallDisk.Mount(folder, ledger);
            File.WriteAllText(Path.Combine(folder, "before"), "kept");
            disk.Fill();
            Assert.True(disk.IsFull);
            Assert.Throws<IOException>(() => File.WriteAllBytes(Path.Combine(folder, "during"), new byte[5000]));
            Assert.Equal("kept", File.ReadAllText(Path.Combine(folder, "before")));
            disk.Empty();
            File.WriteAllBytes(Path.Combine(folder, "after"), new byte[5000]);
        }
        finally
        {
            Assert.Empty(Ledger.Undo(path));
        }
        Assert.False(Mounts.IsMounted(folder));
    }
}

using System.Net;
using System.Net.Sockets;
using Volley.Coordinator.Actors;

namespace Volley.Coordinator.Tests.Actors;

public sealed class AgentDialTests
{
    [Fact]
    public async Task AClosedPort_IsAProcessThatIsGone()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        Assert.True(await AgentDial.IsGoneAsync("127.0.0.1", port, TimeProvider.System));
    }

    [Fact]
    public async Task APortThatAccepts_IsNot_ThoughNobodyReads()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();   // a stopped process: its kernel accepts, nobody takes
        Assert.False(await AgentDial.IsGoneAsync("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port, TimeProvider.System));
    }

    [Fact]
    public async Task ANameThatNobodyHas_SaysNothing() =>
        Assert.False(await AgentDial.IsGoneAsync("no-such-machine.invalid", 1, TimeProvider.System));
}

using System.Net.Sockets;

namespace Volley.Coordinator.Actors;

/// <summary>
/// Asks the kernel of an agent's machine whether the agent's process is still there. A process that was killed has closed its connections
/// at once, and its ports refuse: that is known seconds before heartbeats are missed. A machine that is gone or cut off does not answer at
/// all, a stopped process still accepts: both are left to the failure detector.
/// </summary>
internal static class AgentDial
{
    // A connection is torn down a moment before its port is, and a port that refuses once may belong to a listener that is being replaced.
    private const int Refusals = 3;

    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    /// <returns>True only where the port refused every time.</returns>
    public static async Task<bool> IsGoneAsync(string host, int port, TimeProvider clock)
    {
        for (var refusal = 0; refusal < Refusals; refusal++)
        {
            if (!await RefusesAsync(host, port, clock)) return false;
            await Task.Delay(Pause, clock);
        }
        return true;
    }

    private static async Task<bool> RefusesAsync(string host, int port, TimeProvider clock)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var deadline = new CancellationTokenSource(Timeout, clock);
        try
        {
            await socket.ConnectAsync(host, port, deadline.Token);
            return false;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

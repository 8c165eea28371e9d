using System.Net.Sockets;

namespace Volley.Coordinator.Actors;

/// <summary>
/// Asks the kernel of an agent's machine whether the agent's process is still there. A process that was killed has closed its connections
/// at once, and its ports refuse: that is known seconds before heartbeats are missed. A machine that is gone or cut off does not answer at
/// all, a stopped process still accepts: both are left to the failure detector.
/// </summary>
internal static class AgentDial
{
    // A port that refuses once may belong to a listener that is being replaced.
    private const int Refusals = 3;

    // A dying process closes its connections a moment before its port: one that still accepts is asked again.
    private const int Attempts = 8;

    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    /// <returns>True only where the port refused several times in a row.</returns>
    public static async Task<bool> IsGoneAsync(string host, int port, TimeProvider clock)
    {
        var refusals = 0;
        for (var attempt = 0; attempt < Attempts && refusals < Refusals; attempt++)
        {
            refusals = await RefusesAsync(host, port, clock) ? refusals + 1 : 0;
            await Task.Delay(Pause, clock);
        }
        return refusals == Refusals;
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

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>
/// Connects a rank with every other one of its group: the lower position dials, the higher one accepts, once per channel. A peer that is
/// not up, does not know the group yet or still forms an older one is tried again until the time to form a group is over.
/// </summary>
internal static class Rendezvous
{
    /// <returns>[position, channel]; null for this rank itself. The caller's.</returns>
    /// <exception cref="PeerLostException">A peer could not be reached or did not come in time.</exception>
    /// <exception cref="Volley.Shared.UserErrorException">A peer runs another plan, world size or number of shards.</exception>
    public static Socket?[,] Connect(GroupDescription group, int position, GroupListener listener, GroupTimeouts timeouts, CancellationToken cancel)
    {
        var expectation = new GroupExpectation(group, position);
        var deadline = Environment.TickCount64 + (long)timeouts.Form.TotalMilliseconds;
        var trouble = new string?[group.WorldSize];
        listener.Expect(expectation);
        for (var peer = position + 1; peer < group.WorldSize; peer++)
        {
            var to = peer;
            new Thread(() => DialAll(expectation, to, timeouts, said => Volatile.Write(ref trouble[to], said))) { IsBackground = true, Name = $"dial rank {to}" }.Start();
        }
        return expectation.Wait(deadline, peer => Volatile.Read(ref trouble[peer]), cancel);
    }

    private static void DialAll(GroupExpectation expectation, int peer, GroupTimeouts timeouts, Action<string> report)
    {
        for (var channel = 0; channel < Channels.Count;)
        {
            if (expectation.IsOver) return;
            Socket? socket = null;
            try
            {
                socket = Dial(expectation, peer, channel, timeouts);
                if (!expectation.TryDeliver(peer, channel, socket)) socket.Dispose();
                channel++;
            }
            catch (HandshakeException refusal) when (refusal.IsFinal)
            {
                socket?.Dispose();
                expectation.Disagree(refusal.Message);
                return;
            }
            catch (Exception error) when (error is SocketException or HandshakeException)
            {
                socket?.Dispose();
                report(error.Message);
                expectation.Pause(timeouts.Retry);
            }
        }
    }

    private static Socket Dial(GroupExpectation expectation, int peer, int channel, GroupTimeouts timeouts)
    {
        var member = expectation.Group.Members[peer];
        var address = IPAddress.TryParse(member.Host, out var literal) ? literal : Dns.GetHostAddresses(member.Host).First();
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SendTimeout = (int)timeouts.Connect.TotalMilliseconds;   // on Linux it limits connect, too
            socket.Connect(new IPEndPoint(address, member.Port));
            var hello = Hello.Of(expectation.Group, expectation.Position, peer, channel, RandomNumberGenerator.GetBytes(Hello.NonceBytes));
            Handshake.Dial(socket, hello, expectation.Group.Secret, timeouts.Handshake);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

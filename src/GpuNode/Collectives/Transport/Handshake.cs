using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>
/// Both ends of a new connection prove that they know the attempt's secret, over everything that they must agree on.
/// </summary>
/// <remarks>
/// dialler → acceptor: "VLYC", version, its <see cref="Hello"/>;  acceptor → dialler: its own, or a refusal in words;
/// dialler → acceptor: HMAC-SHA256(secret, "dialler" ‖ hello ‖ hello);  acceptor → dialler: the same with "acceptor", or a refusal.
/// The secret never travels, and both nonces are in both proofs. Only when both proofs stand are the two greetings compared, and a
/// difference is told with both values.
/// </remarks>
internal static class Handshake
{
    /// <summary>Of everything that ranks say to each other. +1 with any change of it.</summary>
    public const int Version = 1;

    private const int ProofBytes = 32;
    private const byte Continues = 1;
    private const byte Refuses = 2;
    private static readonly byte[] Magic = "VLYC"u8.ToArray();

    /// <exception cref="HandshakeException">The other end is not the peer that was wanted, or refused.</exception>
    /// <exception cref="SocketException">The connection ended or fell silent.</exception>
    public static void Dial(Socket socket, Hello own, ReadOnlyMemory<byte> secret, TimeSpan limit)
    {
        var wire = new TimedSocket(socket, limit);
        var ownBytes = own.Encode();
        wire.Send([.. Magic, .. Number(Version), .. Number(ownBytes.Length), .. ownBytes]);
        ReceiveVerdict(wire);
        var theirBytes = ReceiveBlock(wire);
        var theirs = Hello.Decode(theirBytes);
        wire.Send(Proof(secret, "dialler", ownBytes, theirBytes));
        ReceiveVerdict(wire);
        if (!CryptographicOperations.FixedTimeEquals(wire.Receive(ProofBytes), Proof(secret, "acceptor", ownBytes, theirBytes)))
            throw new HandshakeException("gave a wrong proof: it does not have this attempt's secret.");
        if (Hello.Difference(own, theirs) is { } difference) throw new HandshakeException(difference, isFinal: true);
    }

    /// <param name="expect">The group that the greeting is meant for; may wait; throws a refusal.</param>
    /// <returns>What the peer said, proved.</returns>
    public static Hello Accept(Socket socket, Func<Hello, GroupExpectation> expect, TimeSpan limit)
    {
        var wire = new TimedSocket(socket, limit);
        try
        {
            if (!wire.Receive(Magic.Length).AsSpan().SequenceEqual(Magic)) throw new HandshakeException("does not speak this protocol.");
            var version = BinaryPrimitives.ReadInt32LittleEndian(wire.Receive(sizeof(int)));
            if (version != Version) throw new HandshakeException($"speaks version {version} of the protocol between ranks, this rank speaks {Version}: give all nodes the same release.");
            var theirBytes = ReceiveBlock(wire);
            var theirs = Hello.Decode(theirBytes);
            var expectation = expect(theirs);
            var own = Hello.Of(expectation.Group, expectation.Position, theirs.From, theirs.Channel, RandomNumberGenerator.GetBytes(Hello.NonceBytes));
            var ownBytes = own.Encode();
            wire.Send([Continues, .. Number(ownBytes.Length), .. ownBytes]);
            if (!CryptographicOperations.FixedTimeEquals(wire.Receive(ProofBytes), Proof(expectation.Group.Secret, "dialler", theirBytes, ownBytes)))
                throw new HandshakeException("gave a wrong proof: it does not have this attempt's secret.");
            // Both proofs first: then the dialler sees the same difference in a greeting that it can believe.
            wire.Send([Continues, .. Proof(expectation.Group.Secret, "acceptor", theirBytes, ownBytes)]);
            if (Hello.Difference(own, theirs) is { } difference) throw new HandshakeException(difference, isFinal: true);
            return theirs;
        }
        catch (HandshakeException refusal) when (!refusal.IsFinal)
        {
            var reason = Encoding.UTF8.GetBytes(refusal.Message);
            wire.Send([Refuses, .. Number(reason.Length), .. reason]);
            throw;
        }
    }

    private static void ReceiveVerdict(TimedSocket wire)
    {
        switch (wire.Receive(1)[0])
        {
            case Continues: return;
            case Refuses: throw new HandshakeException($"refused: {Encoding.UTF8.GetString(ReceiveBlock(wire))}");
            default: throw new HandshakeException("does not speak this protocol.");
        }
    }

    private static byte[] ReceiveBlock(TimedSocket wire)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(wire.Receive(sizeof(int)));
        if (length is < 0 or > Hello.MaxBytes) throw new HandshakeException($"announced a greeting of {length} bytes; at most {Hello.MaxBytes} are taken.");
        return wire.Receive(length);
    }

    private static byte[] Proof(ReadOnlyMemory<byte> secret, string role, byte[] dialler, byte[] acceptor) =>
        HMACSHA256.HashData(secret.Span, [.. Encoding.UTF8.GetBytes(role), .. Number(dialler.Length), .. dialler, .. acceptor]);

    private static byte[] Number(int value)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    /// <summary>A blocking socket with one limit for all that is said over it, however slowly it drips.</summary>
    private sealed class TimedSocket(Socket socket, TimeSpan limit)
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public void Send(byte[] bytes)
        {
            for (var sent = 0; sent < bytes.Length;)
            {
                socket.SendTimeout = LeftMilliseconds();
                sent += socket.Send(bytes.AsSpan(sent));
            }
        }

        public byte[] Receive(int count)
        {
            var bytes = new byte[count];
            for (var received = 0; received < count;)
            {
                socket.ReceiveTimeout = LeftMilliseconds();
                var part = socket.Receive(bytes.AsSpan(received));
                if (part == 0) throw new SocketException((int)SocketError.ConnectionReset);
                received += part;
            }
            return bytes;
        }

        private int LeftMilliseconds()
        {
            var left = limit - Stopwatch.GetElapsedTime(_start);
            return left > TimeSpan.Zero ? Math.Max(1, (int)left.TotalMilliseconds) : throw new SocketException((int)SocketError.TimedOut);
        }
    }
}

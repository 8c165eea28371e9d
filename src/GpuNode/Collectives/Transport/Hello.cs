using System.Text;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>What both ends of a connection say about themselves, and both proofs cover.</summary>
/// <param name="From">Position of the one who says it.</param>
/// <param name="To">Position of the one it is meant for.</param>
/// <param name="Channel">Which of a pair's connections: see <see cref="Channels"/>.</param>
/// <param name="Nonce">32 fresh random bytes: a recorded proof is worth nothing.</param>
internal sealed record Hello(string Trial, int Attempt, int From, int To, int WorldSize, int Shards, string PlanHash, int Channel, ReadOnlyMemory<byte> Nonce)
{
    public const int NonceBytes = 32;

    /// <summary>Larger ones are rubbish: a trial's name and a hash fit many times.</summary>
    public const int MaxBytes = 4096;

    public static Hello Of(GroupDescription group, int from, int to, int channel, ReadOnlyMemory<byte> nonce) =>
        new(group.Trial, group.Attempt, from, to, group.WorldSize, group.Shards, group.PlanHash, channel, nonce);

    public byte[] Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Trial);
        writer.Write(Attempt);
        writer.Write(From);
        writer.Write(To);
        writer.Write(WorldSize);
        writer.Write(Shards);
        writer.Write(PlanHash);
        writer.Write(Channel);
        writer.Write(Nonce.Span);
        return stream.ToArray();
    }

    /// <exception cref="HandshakeException">These bytes are none.</exception>
    public static Hello Decode(byte[] bytes)
    {
        try
        {
            using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
            var hello = new Hello(reader.ReadString(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(),
                reader.ReadString(), reader.ReadInt32(), reader.ReadBytes(NonceBytes));
            if (hello.Nonce.Length == NonceBytes && reader.BaseStream.Position == bytes.Length) return hello;
        }
        catch (Exception error) when (error is IOException or FormatException or ArgumentException)
        {
            throw new HandshakeException($"sent a greeting that cannot be read: {error.Message}");
        }
        throw new HandshakeException($"sent a greeting of {bytes.Length} bytes that cannot be read.");
    }

    /// <returns>What the two ends do not agree on, with both values; null: nothing.</returns>
    public static string? Difference(Hello own, Hello theirs)
    {
        if (own.Trial != theirs.Trial) return Say("trial", own.Trial, theirs.Trial);
        if (own.Attempt != theirs.Attempt) return Say("attempt", own.Attempt, theirs.Attempt);
        if (own.WorldSize != theirs.WorldSize) return Say("world size", own.WorldSize, theirs.WorldSize);
        if (own.Shards != theirs.Shards) return Say("shards", own.Shards, theirs.Shards);
        if (own.PlanHash != theirs.PlanHash) return Say("bucket plan", own.PlanHash, theirs.PlanHash);
        if (own.From != theirs.To || own.To != theirs.From) return Say("ranks", $"{own.From} for {own.To}", $"{theirs.From} for {theirs.To}");
        return own.Channel != theirs.Channel ? Say("channel", own.Channel, theirs.Channel) : null;

        string Say(string what, object mine, object other) => $"{what}: rank {own.From} has {mine}, rank {theirs.From} has {other}";
    }

}

/// <summary>The connections of a pair.</summary>
internal static class Channels
{
    /// <summary>Heartbeats and notices: never behind data.</summary>
    public const int Control = 0;

    /// <summary>What a chunk's owner is sent to add up, small messages, and the signature of every operation.</summary>
    public const int Contributions = 1;

    /// <summary>Sums and other finished data. On a connection of their own, so that neither waits behind the other.</summary>
    public const int Results = 2;

    public const int Count = 3;
}

/// <summary>A connection that does not become one. Expected: rubbish, strangers and late-comers knock at every open port.</summary>
/// <param name="isFinal">Trying again will not help: both ends have proved who they are and do not agree.</param>
internal sealed class HandshakeException(string message, bool isFinal = false) : Exception(message)
{
    public bool IsFinal => isFinal;
}

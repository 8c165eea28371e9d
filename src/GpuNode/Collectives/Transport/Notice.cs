using System.Buffers.Binary;
using System.Text;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>Why a group is over, as ranks tell each other.</summary>
/// <param name="Lost">Positions that are known to be gone.</param>
/// <param name="IsMismatch">Not a loss but a bug: the ranks did not begin the same operation.</param>
internal sealed record GroupEnd(IReadOnlyList<int> Lost, string Reason, bool IsMismatch = false)
{
    /// <param name="position">Of the rank where it happened.</param>
    public static GroupEnd Of(Exception failure, int position) => failure switch
    {
        PeerLostException lost => new GroupEnd(lost.SilentPeers, lost.Message),
        InvalidOperationException => new GroupEnd([], failure.Message, IsMismatch: true),
        _ => new GroupEnd([], $"rank {position} failed: {failure.Message}"),
    };

    /// <summary>What an operation under way fails with.</summary>
    public Exception ToException() => IsMismatch ? new InvalidOperationException(Reason) : new GroupEndedException(Lost, Reason);
}

/// <summary>What travels on a control connection: a length, a kind, and for <see cref="NoticeKind.End"/> its contents.</summary>
internal enum NoticeKind : byte { Heartbeat = 1, End = 2, Leave = 3 }

internal static class Notice
{
    /// <summary>Longer reasons are cut: a notice goes out in one piece or not at all.</summary>
    public const int MaxBytes = 2048;

    private const int HeadBytes = sizeof(ushort) + 1;

    public static byte[] Of(NoticeKind kind) => [HeadBytes, 0, (byte)kind];

    public static byte[] Of(GroupEnd end)
    {
        var reason = Encoding.UTF8.GetBytes(end.Reason);
        var room = MaxBytes - HeadBytes - 2 - 2 * end.Lost.Count;
        if (reason.Length > room) reason = reason[..room];
        var bytes = new byte[HeadBytes + 2 + 2 * end.Lost.Count + reason.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)bytes.Length);
        bytes[HeadBytes - 1] = (byte)NoticeKind.End;
        bytes[HeadBytes] = end.IsMismatch ? (byte)1 : (byte)0;
        bytes[HeadBytes + 1] = (byte)end.Lost.Count;
        for (var i = 0; i < end.Lost.Count; i++) BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(HeadBytes + 2 + 2 * i), (ushort)end.Lost[i]);
        reason.CopyTo(bytes, bytes.Length - reason.Length);
        return bytes;
    }

    /// <summary>Takes the first notice off <paramref name="bytes"/>.</summary>
    /// <param name="length">Its length; 0: it is not all there yet.</param>
    /// <exception cref="FormatException">These bytes are none.</exception>
    public static NoticeKind Read(ReadOnlySpan<byte> bytes, out int length, out GroupEnd? end)
    {
        (length, end) = (0, null);
        if (bytes.Length < HeadBytes) return default;
        var announced = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        var kind = (NoticeKind)bytes[HeadBytes - 1];
        if (announced is < HeadBytes or > MaxBytes || kind is < NoticeKind.Heartbeat or > NoticeKind.Leave) throw new FormatException($"a notice of kind {(byte)kind} and {announced} bytes");
        if (bytes.Length < announced) return default;
        length = announced;
        if (kind == NoticeKind.End) end = ReadEnd(bytes[HeadBytes..announced]);
        return kind;
    }

    private static GroupEnd ReadEnd(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2 || bytes.Length < 2 + 2 * bytes[1]) throw new FormatException($"a last notice of {bytes.Length} bytes");
        var lost = new int[bytes[1]];
        for (var i = 0; i < lost.Length; i++) lost[i] = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 + 2 * i)..]);
        return new GroupEnd(lost, Encoding.UTF8.GetString(bytes[(2 + 2 * lost.Length)..]), bytes[0] == 1);
    }
}

using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Volley.Shared.Messages;

/// <summary>What the ranks of one attempt prove themselves with to each other. Lives in memory only, and does not print.</summary>
public sealed class GroupSecret : IEquatable<GroupSecret>
{
    public const int Bytes = 32;

    /// <summary>Not drawn yet.</summary>
    public static readonly GroupSecret None = new([]);

    private readonly byte[] _bytes;

    private GroupSecret(byte[] bytes) => _bytes = bytes;

    [JsonIgnore]
    public ReadOnlyMemory<byte> Value => _bytes;

    /// <exception cref="FormatException">Not <see cref="Bytes"/> long.</exception>
    public static GroupSecret Of(ReadOnlySpan<byte> bytes) =>
        bytes.Length == Bytes ? new(bytes.ToArray()) : throw new FormatException($"A group's secret has {bytes.Length} bytes, must have {Bytes}.");

    public static GroupSecret Draw() => new(RandomNumberGenerator.GetBytes(Bytes));

    public bool Equals(GroupSecret? other) => other is not null && CryptographicOperations.FixedTimeEquals(_bytes, other._bytes);

    public override bool Equals(object? obj) => Equals(obj as GroupSecret);

    public override int GetHashCode() => 0;

    public override string ToString() => "(secret)";
}

using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace Volley.GpuNode.Collectives;

internal enum OperationKind : byte { AllReduce, ReduceScatter, AllGather, Broadcast, Barrier }

/// <summary>One operation as this rank began it.</summary>
/// <param name="Sequence">0, 1, 2 … per collective: equal on every rank for the same operation.</param>
/// <param name="Buffers">Addresses: the pieces of a sum, or the one buffer of an all-gather or broadcast; none for a barrier.</param>
/// <param name="Count">Elements; of a broadcast: bytes.</param>
/// <param name="Root">Of a broadcast; −1 otherwise.</param>
internal sealed record Operation(OperationKind Kind, long Sequence, OperationName Name, ImmutableArray<nint> Buffers, long Count, ElementType Type, WireType Wire, int Root)
{
    /// <summary>Of one element in the caller's memory.</summary>
    public int ElementBytes => Kind == OperationKind.Broadcast ? 1 : Type.Bytes();

    /// <summary>Of one element as it travels.</summary>
    public int WireBytes => Kind == OperationKind.Broadcast ? 1 : Type.WireBytes(Wire);

    public OperationSignature Signature => new(Sequence, Count, Name.Step, Name.Bucket, Root, Fnv(Name.What), (byte)Kind, (byte)Type, (byte)Wire);

    public override string ToString() => $"{Word(Kind)} of {Name}";

    public static string Word(OperationKind kind) => kind switch
    {
        OperationKind.AllReduce => "all-reduce",
        OperationKind.ReduceScatter => "reduce-scatter",
        OperationKind.AllGather => "all-gather",
        OperationKind.Broadcast => "broadcast",
        _ => "barrier",
    };

    // FNV-1a: the same in every process, which string.GetHashCode is not.
    private static uint Fnv(string text)
    {
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(text)) hash = (hash ^ b) * 16777619u;
        return hash;
    }
}

/// <summary>What ranks compare before they exchange data: plain bytes, the same on every rank for the same operation.</summary>
/// <param name="WhatHash">Of <see cref="OperationName.What"/>.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct OperationSignature(long Sequence, long Count, long Step, int Bucket, int Root, uint WhatHash, byte Kind, byte Type, byte Wire)
{
    /// <exception cref="InvalidOperationException">A bug in whoever began them: the ranks do not do the same thing. Says both.</exception>
    public static void RequireEqual(Operation own, int ownPosition, OperationSignature theirs, int theirPosition)
    {
        if (own.Signature != theirs) throw new InvalidOperationException(Mismatch(own, ownPosition, theirs, theirPosition));
    }

    public static string Mismatch(Operation own, int ownPosition, OperationSignature theirs, int theirPosition) =>
        $"{own}: rank {ownPosition} began {own.Signature}, rank {theirPosition} began {theirs}. Every rank must begin the same operations in the same order.";

    public override string ToString() =>
        $"operation {Sequence}: {Operation.Word((OperationKind)Kind)} of {Count} {(Kind == (byte)OperationKind.Broadcast ? "bytes" : (ElementType)Type)}{((WireType)Wire == WireType.Same ? "" : $" as {(WireType)Wire}")}" +
        $"{(Root >= 0 ? $" from rank {Root}" : "")} (name {WhatHash:x8}{(Bucket >= 0 ? $", bucket {Bucket}" : "")}{(Step >= 0 ? $", step {Step}" : "")})";
}

internal static class ElementTypes
{
    public static int Bytes(this ElementType type) => type == ElementType.Float32 ? sizeof(float) : sizeof(double);

    public static int WireBytes(this ElementType type, WireType wire) => wire == WireType.BFloat16 ? sizeof(ushort) : type.Bytes();
}

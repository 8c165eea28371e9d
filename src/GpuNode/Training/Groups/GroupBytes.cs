using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Training.Groups;

/// <summary>Exchanges of plain values, for what happens seldom enough to wait for at once.</summary>
internal static class GroupBytes
{
    // A chunk of an all-gather begins at a multiple of 64 bytes.
    private const int DoublesPerLine = 8;

    /// <param name="own">As many on every rank.</param>
    /// <returns>What each rank gave, by position.</returns>
    public static double[][] Gather(ICollective group, ReadOnlySpan<double> own, OperationName name)
    {
        var room = (own.Length + DoublesPerLine - 1) / DoublesPerLine * DoublesPerLine;
        using var all = new AlignedMemory((long)group.WorldSize * room * sizeof(double));
        own.CopyTo(all.As<double>().Slice(group.Position * room, own.Length));
        group.AllGather(all.Address, (long)group.WorldSize * room, ElementType.Float64, name).Wait();
        var result = new double[group.WorldSize][];
        for (var position = 0; position < result.Length; position++) result[position] = all.As<double>().Slice(position * room, own.Length).ToArray();
        return result;
    }

    /// <param name="content">Of the rank at <paramref name="root"/>; ignored elsewhere.</param>
    public static byte[] Broadcast(ICollective group, byte[] content, int root, OperationName name)
    {
        var length = (int)Gather(group, [content.Length], name)[root][0];
        using var memory = new AlignedMemory(length);
        if (group.Position == root) content.CopyTo(memory.As<byte>());
        group.Broadcast(memory.Address, length, root, name).Wait();
        return memory.As<byte>()[..length].ToArray();
    }
}

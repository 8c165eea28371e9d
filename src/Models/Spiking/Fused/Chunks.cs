using static TorchSharp.torch;

namespace Volley.Models.Spiking.Fused;

/// <summary>Cuts work into chunks whose borders depend on its size alone, and runs them on as many threads as libtorch uses.</summary>
/// <remarks>A sum over chunks is added in chunk order afterwards, so results do not depend on the number of threads.</remarks>
internal static class Chunks
{
    public static int Count(long items, long itemsPerChunk) => checked((int)((items + itemsPerChunk - 1) / itemsPerChunk));

    /// <param name="body">Chunk number, first item, one past its last item.</param>
    public static void Run(long items, long itemsPerChunk, Action<int, long, long> body)
    {
        var count = Count(items, itemsPerChunk);
        void One(int chunk) => body(chunk, chunk * itemsPerChunk, Math.Min(items, (chunk + 1) * itemsPerChunk));
        var threads = Math.Min(get_num_threads(), count);
        if (threads <= 1)
        {
            for (var chunk = 0; chunk < count; chunk++) One(chunk);
        }
        else
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, One);
        }
    }
}

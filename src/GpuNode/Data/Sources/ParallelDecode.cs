using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>Runs the decoding of a stream of images on all cores; of several failures the first by message is reported.</summary>
internal static class ParallelDecode
{
    public static void Run<T>(IEnumerable<T> images, Action<T> decode, CancellationToken stop)
    {
        try
        {
            // Without buffering: an archive's entries stay in memory only while they are decoded.
            Parallel.ForEach(
                Partitioner.Create(images, EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { CancellationToken = stop, MaxDegreeOfParallelism = Environment.ProcessorCount },
                decode);
        }
        catch (AggregateException failures)
        {
            var flat = failures.Flatten().InnerExceptions;
            var first = flat.OfType<UserErrorException>().OrderBy(failure => failure.Message, StringComparer.Ordinal).FirstOrDefault() ?? flat[0];
            ExceptionDispatchInfo.Throw(first);
        }
    }
}

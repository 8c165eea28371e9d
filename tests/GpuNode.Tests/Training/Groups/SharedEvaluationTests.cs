using System.Collections.Immutable;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training;
using Volley.GpuNode.Training.Groups;
using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training.Groups;

/// <summary>An evaluation divided over ranks has the bits of one rank's, whatever their number and however the batches fall.</summary>
public sealed class SharedEvaluationTests
{
    private const int Images = 50;

    [Theory]
    [InlineData(2, 16)]     // four batches, the last of two images
    [InlineData(3, 16)]     // the last round has one batch
    [InlineData(3, 7)]
    [InlineData(4, 50)]     // one batch: three ranks have none
    public void AnyNumberOfRanks_GivesTheSameBits(int world, int batchSize)
    {
        foreach (var (family, input) in new[] { (TinyTrial.ResNet, new ModelInput(1, 28, 28, 10)), (TinyTrial.Spikformer, new ModelInput(1, 28, 28, 10)), (TinyTrial.ResNet, new ModelInput(1, 28, 28, 4, MultiLabel: true)) })
        {
            var alone = Told(Evaluate(family, input, batchSize, null, CancellationToken.None));
            var group = MemoryCollective.CreateGroup(ShardAssignment.Even(world, world));
            var found = new string[world];
            // One after the other built: initial weights come from the one generator of the process.
            var networks = Enumerable.Range(0, world).Select(_ => Network(family, input)).ToArray();
            OnThreads(world, rank =>
            {
                using var words = Words(group, rank, CancellationToken.None);
                found[rank] = Told(Evaluate(family, input, batchSize, new EvaluationShare(group[rank], words), CancellationToken.None, networks[rank]));
            });
            Assert.All(found, numbers => Assert.Equal(alone, numbers));
            foreach (var rank in group) rank.Dispose();
        }
    }

    [Fact]
    public void AStopOfOneRank_EndsItOnAll_InTheSameRound()
    {
        var input = new ModelInput(1, 28, 28, 10);
        var group = MemoryCollective.CreateGroup(ShardAssignment.Even(2, 2));
        using var told = new CancellationTokenSource();
        told.Cancel();
        var networks = new[] { Network(TinyTrial.ResNet, input), Network(TinyTrial.ResNet, input) };
        OnThreads(2, rank =>
        {
            using var words = Words(group, rank, rank == 1 ? told.Token : CancellationToken.None);
            Assert.Throws<OperationCanceledException>(() => Evaluate(TinyTrial.ResNet, input, 16, new EvaluationShare(group[rank], words), CancellationToken.None, networks[rank]));
            Assert.True(words.MustStop);
        });
        foreach (var rank in group) rank.Dispose();
    }

    private static GroupWords Words(MemoryCollective[] group, int rank, CancellationToken stop) => new(
        new RankGroup(1, rank, [.. Enumerable.Range(0, group.Length).Select(number => new GroupMember(number, "here", "127.0.0.1", 1, 0))], group[rank]), () => false, stop);

    private static ImageClassifier Network(string family, ModelInput input) => ModelRegistry.Create(ThreadRanks.Spec(family, 1).Train.Model, input, 2);

    private static Evaluation Evaluate(string family, ModelInput input, int batchSize, EvaluationShare? share, CancellationToken stop, ImageClassifier? network = null)
    {
        using var scope = NewDisposeScope();
        using var data = new ArrayData(input, 0, Images, 0, 10);
        network ??= Network(family, input);
        return Evaluator.Run(new(network, ThreadRanks.Spec(family, 1).Train.Model, new(CPU, ScalarType.Float32)), data, DataPart.Validation, batchSize, 1, share, stop).Evaluation;
    }

    private static string Told(Evaluation e) =>
        $"{e.Images} {e.Loss:R} {e.Accuracy:R} {e.Top5:R} {e.Map:R} {e.F1:R} {e.FiringRate:R} {string.Join(' ', (e.FiringRateByLayer ?? ImmutableDictionary<string, double>.Empty).OrderBy(layer => layer.Key, StringComparer.Ordinal))}";

    private static void OnThreads(int count, Action<int> run)
    {
        var failures = new Exception?[count];
        var threads = Enumerable.Range(0, count).Select(rank => new Thread(() =>
        {
            try { run(rank); }
            catch (Exception failure) { failures[rank] = failure; }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a rank hangs"));
        Assert.All(failures, Assert.Null);
    }
}

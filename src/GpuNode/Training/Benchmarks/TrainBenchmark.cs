using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Local;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Benchmarks;

/// <summary>What every rank of a local group trains.</summary>
/// <param name="Trial">A <see cref="TrialSpec"/> as JSON; its ranks are the shards.</param>
/// <param name="CheckedSteps">After so many steps a rank says what it has come to.</param>
/// <param name="WarmUpSteps">Then come steps that are not timed.</param>
/// <param name="TimedSteps">Then these.</param>
/// <param name="IsAlone">Each process trains by itself.</param>
/// <param name="BytesPerSecond">Of the link between ranks; 0: as it is.</param>
/// <param name="DataRoot">Where prepared data lie, to train on the trial's data set; null: on noise.</param>
internal sealed record TrainOrder(string Trial, int CheckedSteps, int WarmUpSteps, int TimedSteps, bool IsAlone, bool IsOverlapped, TransportChoice Transport, double BytesPerSecond, long BucketBytes, string? DataRoot)
{
    /// <summary>Folder that relative paths of the trial are relative to.</summary>
    public string BaseDirectory { get; init; } = "";
}

/// <param name="State">Hash of weights, optimizer, running statistics and average after the checked steps.</param>
/// <param name="StepSeconds">Of each timed step.</param>
internal sealed record TrainReport(string State, double[] StepSeconds, double Forward, double Backward, double Exchange, double Update, string Transport);

/// <summary>The body of <c>bench train</c> and of the tests that compare numbers of ranks: some training steps, then what they came to and how long they took.</summary>
internal static class TrainBenchmark
{
    public const string Name = "train";

    public static int Run(GroupRankContext context)
    {
        var order = JsonSerializer.Deserialize<TrainOrder>(context.Argument)!;
        var spec = ConfigJson.Deserialize(order.Trial);
        set_num_threads(spec.Resources.ThreadsPerRank);
        using var scope = NewDisposeScope();
        using var data = Open(order, spec);
        var place = TrainingPlace.Choose(spec);
        using var model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, data.Input, spec.Seed), place, spec.Train.EmaDecay);
        model.Network.train();
        using var optimizer = FlatOptimizer.Create(spec.Train.Optimizer, model.Parameters, model.Network.NeverDecayed);
        using var guard = new StepGuard(place.Device);
        using var tally = new EpochTally(place.Device);
        using var group = order.IsAlone || context.Group.WorldSize == 1 ? null : Connect(context, order);
        using var step = new TrainStep(spec, data.Input, model, optimizer, place, guard, tally, group, order.IsOverlapped, order.BucketBytes);
        using var parts = Endless(data, step.Shards).GetEnumerator();

        var number = 0L;
        void Steps(int count)
        {
            for (var i = 0; i < count; i++, number++) step.Run(parts, number, epoch: 1 + (int)(number / data.StepsPerEpoch), spec.Train.Optimizer.Lr);
        }
        Steps(order.CheckedSteps);
        var state = State(model, optimizer, tally);
        Steps(order.WarmUpSteps);
        step.Times.Clear();
        var seconds = new double[order.TimedSteps];
        for (var i = 0; i < seconds.Length; i++)
        {
            var start = Stopwatch.GetTimestamp();
            Steps(1);
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        var per = Math.Max(1, seconds.Length);
        var times = step.Times;
        context.Report(JsonSerializer.Serialize(new TrainReport(state, seconds, times.Forward.TotalSeconds / per, times.Backward.TotalSeconds / per,
            times.Exchange.TotalSeconds / per, times.Update.TotalSeconds / per, group?.Transport ?? "none")));
        group?.Barrier(new OperationName("end")).Wait();
        return 0;
    }

    private static ICollective Connect(GroupRankContext context, TrainOrder order)
    {
        var group = CollectiveFactory.Create(context.Group, context.Position, context.Listener, order.Transport);
        return order.BytesPerSecond > 0 ? new LimitedCollective(group, order.BytesPerSecond) : group;
    }

    private static ITrainingData Open(TrainOrder order, TrialSpec spec) => order.DataRoot is null
        ? new SyntheticData(spec.Train.GlobalBatchSize, spec.Resources.Ranks)
        : TrainingData.Open(spec, new TrialDirectories(order.DataRoot, order.DataRoot, order.BaseDirectory), CancellationToken.None);

    private static IEnumerable<ImageBatch> Endless(ITrainingData data, IReadOnlyList<int> shards)
    {
        for (var epoch = 0; ; epoch++)
            foreach (var part in data.TrainEpoch(epoch, 0, shards, CancellationToken.None)) yield return part;
    }

    private static string State(TrainingModel model, FlatOptimizer optimizer, EpochTally tally)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Tensor[] tensors = [model.Parameters.Values, model.Buffers.Values, model.Counters.Values, .. optimizer.State.Values, .. model.Average()?.Tensors.Select(average => average.Tensor) ?? []];
        foreach (var tensor in tensors) hash.AppendData(tensor.cpu().contiguous().bytes);
        return $"{Convert.ToHexStringLower(hash.GetHashAndReset())} {optimizer.StepCount} {tally.Read()} {tally.Images}";
    }
}

using Volley.GpuNode.Data;
using Volley.GpuNode.Profiling;
using Volley.GpuNode.Training.Groups;
using Volley.Shared.Determinism;
using Volley.Shared.Failpoints;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Forward over the batches of a part, the first of them watched by a probe where there are neurons to watch.</summary>
/// <param name="share">Null: all batches are this rank's.</param>
internal sealed class EvaluationPass(EvaluationSubject subject, ITrainingData data, DataPart part, int batchSize, ulong seed, EvaluationShare? share, CancellationToken stop) : IDisposable
{
    private ActivityProbe? _probe = subject.Network.NeuronLayers.Count > 0 && share is not { Position: > 0 } ? ActivityProbe.Attach(subject.Network) : null;

    public Device Device => subject.Place.Device;

    public int BatchSize => Math.Min(batchSize, Images);

    private int Images => part switch { DataPart.Train => data.TrainImages, DataPart.Validation => data.ValidationImages, _ => data.TestImages };

    /// <summary>Empty before the first batch, and where there are no neurons.</summary>
    public IReadOnlyDictionary<string, double> Activity { get; private set; } = new Dictionary<string, double>();

    /// <param name="use">Given the batch and its logits [B, K], f32; inside a dispose scope of its own.</param>
    public void ForEachBatch(Action<ImageBatch, Tensor> use)
    {
        var (first, stride) = share is null ? (0, 1) : (share.Position, share.WorldSize);
        foreach (var batch in data.Evaluate(part, batchSize, stop, first, stride))
        {
            Failpoint.Hit(FailpointNames.RankInEvaluation);
            stop.ThrowIfCancellationRequested();
            manual_seed((long)Seeds.Derive(seed, "evaluate", (long)part, batch.StepInEpoch));
            using var scope = NewDisposeScope();
            var pixels = BatchUpload.Pixels(batch, data.Input, 0, batch.Count, subject.Place);
            use(batch, subject.Network.call(pixels).to(ScalarType.Float32));
            if (_probe is null) continue;
            Activity = _probe.Rates();
            Dispose();
        }
    }

    /// <summary>With other ranks: every batch's numbers, in the order of the batches.</summary>
    /// <param name="room">Numbers of a batch, at most.</param>
    /// <param name="measure">Puts them down; zeros are there.</param>
    /// <param name="add">Given the numbers of each batch of the part.</param>
    public void ForEachBatchOfAll(int room, Action<ImageBatch, Tensor, double[]> measure, Action<double[]> add)
    {
        var peers = share ?? throw new InvalidOperationException("there are no others");
        var batches = (Images + batchSize - 1) / batchSize;
        var (round, rounds) = (0, (batches + peers.WorldSize - 1) / peers.WorldSize);
        ForEachBatch((batch, logits) =>
        {
            var numbers = new double[room];
            measure(batch, logits, numbers);
            Take(numbers);
        });
        // The last round may have fewer batches than ranks.
        while (round < rounds) Take(new double[room]);
        if (subject.Network.NeuronLayers.Count > 0) Activity = peers.FromFirst(Activity);

        void Take(double[] own)
        {
            var all = peers.Exchange(own, round);
            for (var position = 0; position < all.Count && (round * peers.WorldSize) + position < batches; position++) add(all[position]);
            round++;
        }
    }

    public void Dispose()
    {
        _probe?.Dispose();
        _probe = null;
    }
}

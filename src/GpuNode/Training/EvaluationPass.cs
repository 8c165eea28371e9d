using Volley.GpuNode.Data;
using Volley.GpuNode.Profiling;
using Volley.Shared.Determinism;
using Volley.Shared.Failpoints;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Forward over the batches of a part, the first of them watched by a probe where there are neurons to watch.</summary>
internal sealed class EvaluationPass(EvaluationSubject subject, ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop) : IDisposable
{
    private readonly ActivityProbe? _probe = subject.Network.NeuronLayers.Count > 0 ? ActivityProbe.Attach(subject.Network) : null;

    public Device Device => subject.Place.Device;

    /// <summary>Empty before the first batch, and where there are no neurons.</summary>
    public IReadOnlyDictionary<string, double> Activity { get; private set; } = new Dictionary<string, double>();

    /// <param name="use">Given the batch and its logits [B, K], f32; inside a dispose scope of its own.</param>
    public void ForEachBatch(Action<ImageBatch, Tensor> use)
    {
        foreach (var batch in data.Evaluate(part, batchSize, stop))
        {
            Failpoint.Hit(FailpointNames.RankInEvaluation);
            stop.ThrowIfCancellationRequested();
            manual_seed((long)Seeds.Derive(seed, "evaluate", (long)part, batch.StepInEpoch));
            using var scope = NewDisposeScope();
            var pixels = BatchUpload.Pixels(batch, data.Input, 0, batch.Count, subject.Place);
            use(batch, subject.Network.call(pixels).to(ScalarType.Float32));
            if (_probe is null || Activity.Count > 0) continue;
            Activity = _probe.Rates();
            _probe.Dispose();
        }
    }

    public void Dispose()
    {
        if (Activity.Count == 0) _probe?.Dispose();
    }
}

using TorchSharp;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training;
using Volley.Models;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training;

public sealed class EvaluatorTests : IDisposable
{
    private static readonly ComputePlace Place = new(CPU, ScalarType.Float32);
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void AnUnevenLastBatch_CountsWhatItHolds(int batchSize)
    {
        var (network, data) = OneLabel();
        var whole = Evaluator.Run(Subject(network), data, DataPart.Validation, 50, 1, TestContext.Current.CancellationToken).Evaluation;
        var parts = Evaluator.Run(Subject(network), data, DataPart.Validation, batchSize, 1, TestContext.Current.CancellationToken).Evaluation;
        Assert.Equal((50, whole.Accuracy, whole.Top5), (parts.Images, parts.Accuracy, parts.Top5));
        Assert.Equal(whole.Loss, parts.Loss, 1e-5);
    }

    [Fact]
    public void Numbers_AreThoseOfAPlainCount()
    {
        var (network, data) = OneLabel();
        network.eval();
        double loss = 0;
        int top1 = 0, top5 = 0;
        foreach (var batch in data.Evaluate(DataPart.Validation, 1, TestContext.Current.CancellationToken))
        {
            using var scope = NewDisposeScope();
            var logits = network.call(tensor(batch.Pixels.AsSpan(0, 28 * 28).ToArray()).view(1, 1, 28, 28)).data<float>().ToArray();
            var label = batch.Labels[0];
            loss += Math.Log(logits.Sum(l => Math.Exp(l))) - logits[label];
            var better = logits.Count(l => l > logits[label]);
            if (better == 0) top1++;
            if (better < 5) top5++;
        }
        var measured = Evaluator.Run(Subject(network), data, DataPart.Validation, 16, 1, TestContext.Current.CancellationToken).Evaluation;
        Assert.Equal(loss / 50, measured.Loss, 1e-5);
        Assert.Equal((top1 / 50.0, top5 / 50.0), (measured.Accuracy, measured.Top5));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheMode_IsPutBack_EvenWhenStopped(bool training)
    {
        var (network, data) = OneLabel();
        network.train(training);
        var before = network.state_dict()["layer1.0.bn1.running_mean"].clone();
        Evaluator.Run(Subject(network), data, DataPart.Validation, 16, 1, TestContext.Current.CancellationToken);
        Assert.Equal(training, network.training);
        Assert.Throws<OperationCanceledException>(() => Evaluator.Run(Subject(network), data, DataPart.Validation, 16, 1, new CancellationToken(true)));
        Assert.Equal(training, network.training);
        Assert.Equal(0, (network.state_dict()["layer1.0.bn1.running_mean"] - before).abs().sum().item<float>());
    }

    [Fact]
    public void SeveralLabels_GiveMapAndF1_ExactlyForAnyBatchSize()
    {
        var input = new ModelInput(1, 28, 28, 4, MultiLabel: true);
        var network = ModelRegistry.Create(TinyTrial.Model(TinyTrial.ResNet), input, 2);
        using var data = new ArrayData(input, 0, 0, 30, 10);
        var whole = Evaluator.Run(Subject(network), data, DataPart.Test, 30, 1, TestContext.Current.CancellationToken).Evaluation;
        var parts = Evaluator.Run(Subject(network), data, DataPart.Test, 8, 1, TestContext.Current.CancellationToken).Evaluation;
        Assert.Null(whole.Accuracy);
        Assert.InRange(whole.Map!.Value, 0.05, 1);
        Assert.Equal((whole.Map, whole.F1), (parts.Map, parts.F1));
        Assert.Equal(whole.Loss, parts.Loss, 1e-5);
    }

    [Fact]
    public void FiringRates_AreMeasured_AndWatchingChangesNoNumber()
    {
        var input = new ModelInput(1, 28, 28, 10);
        var network = ModelRegistry.Create(TinyTrial.Model(TinyTrial.Spikformer), input, 2);
        using var data = new ArrayData(input, 0, 50, 0, 10);
        var subject = new EvaluationSubject(network, TinyTrial.Model(TinyTrial.Spikformer), Place);
        // One batch: all watched. Fifty: the first alone.
        var watched = Evaluator.Run(subject, data, DataPart.Validation, 50, 1, TestContext.Current.CancellationToken).Evaluation;
        var hardly = Evaluator.Run(subject, data, DataPart.Validation, 1, 1, TestContext.Current.CancellationToken).Evaluation;
        Assert.Equal(network.NeuronLayers.Select(layer => layer.Name).Order(), watched.FiringRateByLayer!.Keys.Order());
        Assert.All(watched.FiringRateByLayer.Values, rate => Assert.InRange(rate, 0, 1));
        Assert.True(watched.FiringRate is > 0 and < 1);
        Assert.Equal(watched.Accuracy, hardly.Accuracy);
        Assert.Equal(watched.Loss, hardly.Loss, 1e-5);
        Assert.False(network.IsObserved);
    }

    private static EvaluationSubject Subject(ImageClassifier network) => new(network, TinyTrial.Model(TinyTrial.ResNet), Place);

    private static (ImageClassifier Network, ArrayData Data) OneLabel()
    {
        var input = new ModelInput(1, 28, 28, 10);
        return (ModelRegistry.Create(TinyTrial.Model(TinyTrial.ResNet), input, 2), new ArrayData(input, 0, 50, 0, 10));
    }
}

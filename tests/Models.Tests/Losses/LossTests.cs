using System.Text.Json;
using TorchSharp;
using Volley.Models.Losses;
using Volley.Models.Safetensors;
using Volley.TestKit;
using static TorchSharp.torch;

namespace Volley.Models.Tests.Losses;

public sealed class LossTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<ScalarType> Types => [ScalarType.Float64, ScalarType.Float32];

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Types))]
    public void CrossEntropies_FollowTheReference(ScalarType type)
    {
        using var file = Open();
        var labels = file.ReadTensor("target");
        Check(file, type, "ce", logits => CrossEntropy.Sum(logits, labels));
        Check(file, type, "label_smoothing", logits => CrossEntropy.Sum(logits, labels, 0.1));
        for (var i = 0; i < 3; i++)
        {
            var targets = file.ReadTensor($"soft_{i}/target").to(type);
            Check(file, type, $"soft_{i}", logits => CrossEntropy.SumSoft(logits, targets));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void TemporalEfficient_FollowsTheReference(ScalarType type)
    {
        using var file = Open();
        var labels = file.ReadTensor("target");
        for (var i = 0; i < 3; i++)
        {
            var options = JsonDocument.Parse(file.Metadata[$"tet_{i}"]).RootElement;
            var (means, lambda) = (options.GetProperty("means").GetDouble(), options.GetProperty("lamb").GetDouble());
            Check(file, type, $"tet_{i}", logits => TemporalEfficient.Sum(logits, flat => CrossEntropy.Sum(flat, labels.repeat(4)), means, lambda), "tet_logits");
        }
    }

    [Fact]
    public void Sums_OfUnevenShards_AddUpToTheWholeBatch()
    {
        using var file = Open();
        var (logits, labels) = (file.ReadTensor("logits"), file.ReadTensor("target"));
        var soft = file.ReadTensor("soft_1/target");
        var perStep = file.ReadTensor("tet_logits");
        AssertAdds((from, n) => CrossEntropy.Sum(logits.narrow(0, from, n), labels.narrow(0, from, n), 0.1));
        AssertAdds((from, n) => CrossEntropy.SumSoft(logits.narrow(0, from, n), soft.narrow(0, from, n)));
        AssertAdds((from, n) => BinaryCrossEntropy.Sum(logits.narrow(0, from, n), soft.narrow(0, from, n)));
        AssertAdds((from, n) => TemporalEfficient.Sum(
            perStep.narrow(1, from, n), flat => CrossEntropy.Sum(flat, labels.narrow(0, from, n).repeat(4)), 0.5, 0.3));

        static void AssertAdds(Func<long, long, Tensor> sum) => Near.Assert(sum(0, 6), sum(0, 1) + sum(1, 5), 1e-13);
    }

    [Fact]
    public void BinaryCrossEntropy_IsTheMeanOverClasses()
    {
        var logits = tensor(new[,] { { 0.0, 2.0 }, { -1.0, 0.5 } });
        var targets = tensor(new[,] { { 1.0, 0.0 }, { 0.0, 1.0 } });
        // −ln σ(z) where the label is there, −ln(1 − σ(z)) where it is not.
        var expected = (Math.Log(2) + Math.Log(1 + Math.Exp(2)) + Math.Log(1 + Math.Exp(-1)) + Math.Log(1 + Math.Exp(-0.5))) / 2;
        Assert.Equal(expected, BinaryCrossEntropy.Sum(logits, targets).ToDouble(), 12);
    }

    private static SafetensorsFile Open() => SafetensorsFile.Open(SharedFiles.Require("golden/losses.safetensors"));

    private static void Check(SafetensorsFile file, ScalarType type, string name, Func<Tensor, Tensor> sum, string input = "logits")
    {
        var logits = file.ReadTensor(input).to(type).requires_grad_();
        var loss = sum(logits) / 6;
        loss.backward();
        var tolerance = type == ScalarType.Float64 ? 1e-10 : 1e-5;
        Near.Assert(file.ReadTensor($"{name}/loss"), loss, tolerance, name);
        Near.Assert(file.ReadTensor($"{name}/grad"), logits.grad!, tolerance, name);
    }
}

using TorchSharp;
using Volley.Models.Safetensors;
using Volley.Models.Spiking;
using Volley.TestKit;
using static TorchSharp.torch;

namespace Volley.Models.Tests.Spiking;

public sealed class SpikingNeuronTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(GoldenNeurons.Names), MemberType = typeof(GoldenNeurons))]
    public void PlainVersion_FollowsTheReference_MembraneAndGradientsIncluded(string name)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Require(GoldenNeurons.File));
        var layer = GoldenNeurons.Create(file, name);
        var x = file.ReadTensor($"{name}/x").requires_grad_();

        var trace = layer.Trace(x);
        Near.AssertSame(file.ReadTensor($"{name}/spike"), trace.Spikes_TX);
        Near.Assert(file.ReadTensor($"{name}/h_seq"), trace.H_TX, 1e-10);
        Near.Assert(file.ReadTensor($"{name}/v_seq"), trace.V_TX, 1e-10);

        var loss = (trace.Spikes_TX * file.ReadTensor($"{name}/upstream_spike")).sum() + (trace.V_TX * file.ReadTensor($"{name}/upstream_v")).sum();
        loss.backward();
        Near.Assert(file.ReadTensor($"{name}/x_grad_v"), x.grad!, 1e-10);
        if (file.Contains($"{name}/w_grad_v")) Near.Assert(file.ReadTensor($"{name}/w_grad_v"), layer.get_parameter("w")!.grad!, 1e-10);

        var second = layer.Trace(x.detach(), trace.V_TX[-1].detach());
        Near.AssertSame(file.ReadTensor($"{name}/spike_second_call_no_reset"), second.Spikes_TX);
        Near.Assert(file.ReadTensor($"{name}/v_seq_second_call_no_reset"), second.V_TX, 1e-10);
    }

    [Theory]
    [MemberData(nameof(GoldenNeurons.Names), MemberType = typeof(GoldenNeurons))]
    public void Forward_FollowsTheReference_WithBothKernels(string name)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Require(GoldenNeurons.File));
        foreach (var kernel in new[] { NeuronKernel.Plain, NeuronKernel.Fused })
        {
            var layer = GoldenNeurons.Create(file, name);
            layer.Kernel = kernel;
            var x = file.ReadTensor($"{name}/x").requires_grad_();
            var spikes = layer.call(x);
            Near.AssertSame(file.ReadTensor($"{name}/spike"), spikes);
            (spikes * file.ReadTensor($"{name}/upstream_spike")).sum().backward();
            Near.Assert(file.ReadTensor($"{name}/x_grad"), x.grad!, 1e-10);
            if (file.Contains($"{name}/w_grad")) Near.Assert(file.ReadTensor($"{name}/w_grad"), layer.get_parameter("w")!.grad!, 1e-10);
        }
    }

    [Theory]
    [InlineData("sigmoid_a4", SurrogateShape.Sigmoid, 4.0)]
    [InlineData("sigmoid_a1p5", SurrogateShape.Sigmoid, 1.5)]
    [InlineData("atan_a2", SurrogateShape.Atan, 2.0)]
    public void Surrogate_FollowsTheReference(string name, SurrogateShape shape, double alpha)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Require(GoldenNeurons.File));
        var surrogate = new SurrogateGradient(shape, alpha);
        var x = file.ReadTensor($"surrogate/{name}/x").requires_grad_();
        var y = surrogate.Fire(x);
        y.sum().backward();
        Near.AssertSame(file.ReadTensor($"surrogate/{name}/y"), y);
        Near.Assert(file.ReadTensor($"surrogate/{name}/grad"), x.grad!, 1e-10);
        Near.Assert(file.ReadTensor($"surrogate/{name}/grad"), surrogate.Derivative(x.detach()), 1e-10);
    }

    [Fact]
    public void Forward_WithoutTimeDimension_SaysWhatItNeeds()
    {
        var layer = new LifNeuron(new NeuronSettings());
        Assert.Contains("must be [T, …]", Assert.Throws<ArgumentException>(() => layer.call(tensor(1f))).Message, StringComparison.Ordinal);
        Assert.Contains("must be [1, …]", Assert.Throws<ArgumentException>(() => layer.ForwardRepeated(zeros(2, 3), 4)).Message, StringComparison.Ordinal);
    }
}

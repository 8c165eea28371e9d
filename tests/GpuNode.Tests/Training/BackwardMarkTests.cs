using Volley.GpuNode.Training;
using Volley.Models;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training;

public sealed class BackwardMarkTests
{
    private static readonly ModelInput Input = new(1, 28, 28, 10);

    [Theory]
    [InlineData(TinyTrial.ResNet)]
    [InlineData(TinyTrial.Vit)]
    [InlineData(TinyTrial.Sdt)]
    [InlineData(TinyTrial.Spikformer)]
    public void WhatIsBehindABlock_IsFinal_WhenItsMarkIsReached(string family)
    {
        using var scope = NewDisposeScope();
        var spec = TinyTrial.Of(family);
        using var model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, Input, 3), TrainingPlace.Choose(spec), 0);
        var plan = GradientPlan.Of(model, spec);
        model.Network.train();
        var reached = new List<(string Block, Tensor Final)>();
        using var marks = new BackwardMarks(model.Network, block => reached.Add((block, model.Parameters.Gradients[..(int)plan.FinalBehind(block)].clone().DetachFromDisposeScope())));
        marks.IsActive = true;
        model.Network.call(randn(4, 1, 28, 28)).square().sum().backward();
        BackwardFailure.ThrowIfAny();

        Assert.Equal(model.Network.Blocks.Reverse(), reached.Select(mark => mark.Block));
        Assert.All(reached, mark => Assert.Equal(0, (mark.Final - model.Parameters.Gradients[..(int)mark.Final.shape[0]]).abs().sum().item<float>()));
        Assert.All(reached.Zip(reached.Skip(1)), pair => Assert.True(pair.First.Final.shape[0] < pair.Second.Final.shape[0]));
        Assert.True(reached[0].Final.abs().sum().item<float>() > 0);
    }

    [Fact]
    public void MarksThatAreNotActive_AreNotThere()
    {
        using var scope = NewDisposeScope();
        var spec = TinyTrial.Of(TinyTrial.Vit);
        using var model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, Input, 3), TrainingPlace.Choose(spec), 0);
        using var marks = new BackwardMarks(model.Network, block => Assert.Fail($"{block} was marked"));
        model.Network.call(randn(2, 1, 28, 28)).sum().backward();
        BackwardFailure.ThrowIfAny();
    }

    [Fact]
    public void WhatAMarkThrows_ComesOutAfterBackward()
    {
        using var scope = NewDisposeScope();
        var spec = TinyTrial.Of(TinyTrial.Vit);
        using var model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, Input, 3), TrainingPlace.Choose(spec), 0);
        using var marks = new BackwardMarks(model.Network, _ => throw new IOException("the cable is out")) { IsActive = true };
        model.Network.call(randn(2, 1, 28, 28)).sum().backward();
        Assert.Throws<IOException>(BackwardFailure.ThrowIfAny);
    }
}

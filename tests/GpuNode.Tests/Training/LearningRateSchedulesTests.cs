using Volley.GpuNode.Training;
using Volley.Models.Safetensors;
using Volley.Shared.Config;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Training;

public sealed class LearningRateSchedulesTests
{
    public static TheoryData<string, double, ScheduleSpec> Golden => new()
    {
        { "sdt_cifar", 3e-4, new ScheduleSpec { WarmupEpochs = 20, WarmupLr = 1e-6, MinLr = 1e-5, CooldownEpochs = 10 } },
        { "spikformer_cifar", 5e-4, new ScheduleSpec { WarmupEpochs = 20, WarmupLr = 1e-5, MinLr = 1e-5, CooldownEpochs = 10 } },
        { "short", 1e-3, new ScheduleSpec { WarmupEpochs = 3, WarmupLr = 1e-6, MinLr = 1e-5, CooldownEpochs = 2 } },
        { "resnet_kuangliu", 0.1, new ScheduleSpec { MinLr = 0 } },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void At_FollowsTheReferenceCurve(string name, double peak, ScheduleSpec spec)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Require("golden/optim_schedule.safetensors"));
        var expected = file.Read<double>($"lr_per_epoch/{name}", SafetensorsType.F64);
        for (var epoch = 0; epoch < expected.Length; epoch++)
            Assert.Equal(expected[epoch], LearningRateSchedules.At(spec, peak, expected.Length, epoch, stepInEpoch: 3, stepsPerEpoch: 7), 1e-12);
    }

    [Fact]
    public void At_ChangesWithinAnEpoch_OnlyWherePerIsStep()
    {
        var perStep = new ScheduleSpec { Per = "step", WarmupEpochs = 0.5, WarmupLr = 0, MinLr = 0 };
        Assert.Equal(0.25, LearningRateSchedules.At(perStep, 1.0, 2, 0, 1, 8), 1e-15);
        Assert.Equal(0.5, LearningRateSchedules.At(perStep, 1.0, 2, 1, 0, 8), 1e-15);
        Assert.Equal(0.5 * (1 + Math.Cos(Math.PI * 0.75)), LearningRateSchedules.At(perStep, 1.0, 2, 1, 4, 8), 1e-15);
        Assert.Equal(0.5, LearningRateSchedules.At(perStep with { Per = "epoch" }, 1.0, 2, 1, 4, 8), 1e-15);
    }

    [Fact]
    public void At_Step_MultipliesEverySoManyEpochs_AfterTheWarmUp()
    {
        var spec = new ScheduleSpec { Name = "step", StepEpochs = 3, Gamma = 0.5, WarmupEpochs = 1, WarmupLr = 0.1 };
        Assert.Equal([0.1, 1, 1, 0.5, 0.5, 0.5, 0.25], Enumerable.Range(0, 7).Select(epoch => LearningRateSchedules.At(spec, 1.0, 7, epoch, 0, 1)));
    }

    [Fact]
    public void At_Constant_StaysAtThePeak() =>
        Assert.All(Enumerable.Range(0, 5), epoch => Assert.Equal(0.3, LearningRateSchedules.At(new ScheduleSpec { Name = "constant" }, 0.3, 5, epoch, 0, 1)));
}

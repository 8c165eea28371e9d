using Volley.GpuNode.Devices;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Devices;

public sealed class DeviceInventoryTests
{
    private static readonly GpuDescription[] TwoGpus = [new("GPU-a", "H100", 80L << 30), new("GPU-b", "H100", 40L << 30)];

    [Fact]
    public void Auto_TakesGpusWhereThereAre_ElseTheCpusThreads()
    {
        var gpu = DeviceInventory.Resolve("auto", null, 1, 16, TwoGpus);
        Assert.Equal(("cuda", 2, "GPU-b"), (gpu.Device, gpu.Slots, gpu.GpuOf(1)!.Uuid));
        Assert.Equal(40L << 30, gpu.MemoryBytes(1));
        var cpu = DeviceInventory.Resolve("auto", null, 4, 16, []);
        Assert.Equal(("cpu", 4, null), (cpu.Device, cpu.Slots, cpu.GpuOf(1)));
    }

    [Fact]
    public void FewerThreadsThanOneSlotWants_StillGiveOneSlot() => Assert.Equal(1, DeviceInventory.Resolve("cpu", null, 8, 2, []).Slots);

    [Fact]
    public void MoreSlotsThanGpus_ShareThemInTurn()
    {
        var inventory = DeviceInventory.Resolve("cuda", 4, 1, 16, TwoGpus);
        Assert.Equal(["GPU-a", "GPU-b", "GPU-a", "GPU-b"], Enumerable.Range(0, 4).Select(slot => inventory.GpuOf(slot)!.Uuid));
    }

    [Theory]
    [InlineData("cuda", 1, 1, "--device cuda: no GPU was found")]
    [InlineData("tpu", 1, 1, "--device: is 'tpu', must be auto, cpu or cuda")]
    [InlineData("cpu", 0, 1, "--slots: is 0, must be at least 1")]
    [InlineData("cpu", 1, -1, "--threads-per-slot: is -1, must be at least 1")]
    public void WhatMakesNoSense_IsAnErrorThatSaysSo(string device, int slots, int threads, string message) =>
        Assert.Contains(message, Assert.Throws<UserErrorException>(() => DeviceInventory.Resolve(device, slots, threads, 2, [])).Message);

    [Theory]
    [InlineData("GPU-Box.lab.example", "gpu-box")]
    [InlineData("my_host", "my-host")]
    [InlineData("___", "node")]
    public void TheHostsName_BecomesAValidNodeName(string host, string name) => Assert.Equal(name, Machine.NodeNameOf(host));
}

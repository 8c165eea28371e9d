namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>What other tests allocate meanwhile would be counted too.</summary>
[CollectionDefinition(nameof(TrialMemoryTests), DisableParallelization = true)]
[Collection(nameof(TrialMemoryTests))]
public sealed class TrialMemoryTests
{
    [Fact]
    public void AFinishedTrial_KeepsLessThanTwoKilobytes()
    {
        const int trials = 2000;
        var small = TrialBookTests.Finished(10);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var large = TrialBookTests.Finished(trials);
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)trials;
        GC.KeepAlive(small);
        GC.KeepAlive(large);
        TestContext.Current.TestOutputHelper?.WriteLine($"{each:N0} bytes a finished trial of {TrialBookTests.Epochs} epochs, of which packed {large.Trials.FindPacked(0)!.Details.Length}");
        Assert.InRange(each, 100, 2000);
    }
}

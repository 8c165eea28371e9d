using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Profiling;

/// <summary>How long inference takes on the device where the network is: batch 1 and a larger batch, median and 95th percentile.</summary>
public static class LatencyMeter
{
    // Enough for a 95th percentile that is not the maximum.
    private const int MostRuns = 100;

    /// <summary>What a trial spends on it at its end.</summary>
    public static readonly TimeSpan TrialBudget = TimeSpan.FromSeconds(2);

    /// <param name="model">Left in the mode it was in.</param>
    /// <param name="input">Random images of this form are timed: time does not depend on what is in them, except for what spikes skip, which dense kernels do not.</param>
    /// <param name="batch">Images of the larger batch.</param>
    /// <param name="budget">Of both batches together; one warm-up and one run of each are made whatever they take. null: <see cref="TrialBudget"/>.</param>
    /// <param name="clock">null: the system's.</param>
    public static LatencyFigures Measure(ImageClassifier model, ModelInput input, int batch = 64, TimeSpan? budget = null, TimeProvider? clock = null)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var wasTraining = model.training;
        model.eval();
        try
        {
            var each = (budget ?? TrialBudget) / 2;
            var single = Time(model, input, 1, each, clock ?? TimeProvider.System);
            var many = Time(model, input, batch, each, clock ?? TimeProvider.System);
            return new LatencyFigures
            {
                LatencyMsP50 = Percentile(single, 0.5),
                LatencyMsP95 = Percentile(single, 0.95),
                BatchLatencyMsP50 = Percentile(many, 0.5),
                BatchLatencyMsP95 = Percentile(many, 0.95),
                ImagesPerSecond = batch * 1000.0 / Percentile(many, 0.5),
            };
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    /// <summary>Nearest rank: the smallest value that at least a share <paramref name="p"/> of all does not exceed.</summary>
    internal static double Percentile(IReadOnlyCollection<double> values, double p)
    {
        var sorted = values.Order().ToArray();
        return sorted[Math.Max(0, (int)Math.Ceiling(p * sorted.Length) - 1)];
    }

    private static List<double> Time(ImageClassifier model, ModelInput input, int batch, TimeSpan budget, TimeProvider clock)
    {
        using var scope = NewDisposeScope();
        var parameter = model.parameters().First();
        var images = ProfileImages.Random(input, batch).to(parameter.device).to_type(parameter.dtype);
        var start = clock.GetTimestamp();
        Run(model, images);   // warm-up: allocations and kernel choices
        var times = new List<double>();
        do
        {
            var before = clock.GetTimestamp();
            Run(model, images);
            times.Add(clock.GetElapsedTime(before).TotalMilliseconds);
        }
        while (times.Count < MostRuns && clock.GetElapsedTime(start) < budget);
        return times;
    }

    private static void Run(ImageClassifier model, Tensor images)
    {
        using var scope = NewDisposeScope();
        var logits = model.call(images);
        if (logits.device_type == TorchSharp.DeviceType.CUDA) cuda.synchronize();
    }
}

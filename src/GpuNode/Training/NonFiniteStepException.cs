using System.Globalization;

namespace Volley.GpuNode.Training;

/// <summary>A loss or gradient became infinite or not a number: the trial has failed, and nothing more is learned from it.</summary>
public sealed class NonFiniteStepException(long step, int epoch, double learningRate, string what, IReadOnlyList<double> lastLosses)
    : Exception(string.Create(CultureInfo.InvariantCulture,
        $"Step {step} (epoch {epoch + 1}): the {what} is not finite at learning rate {learningRate:g4}; losses before it: {Listed(lastLosses)}. Lower the learning rate, warm up longer (train.schedule.warmup_epochs) or clip the gradient (train.clip_norm)."))
{
    /// <summary>The step that could not be taken, from 0.</summary>
    public long Step { get; } = step;

    public double LearningRate { get; } = learningRate;

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<double> LastLosses { get; } = lastLosses;

    private static string Listed(IReadOnlyList<double> losses) =>
        losses.Count == 0 ? "none" : string.Join(", ", losses.Select(loss => loss.ToString("g5", CultureInfo.InvariantCulture)));
}

using Volley.Shared.Config;

namespace Volley.GpuNode.Training;

/// <summary>The learning rate as a pure function of the position in the run: nothing to save, nothing to restore.</summary>
/// <remarks>
/// timm's semantics: the curve is evaluated at the absolute epoch and the warm-up only overwrites its first part, so a cosine never
/// quite reaches the peak. During cool-down the rate stays at the minimum. <c>epochs</c> includes the cool-down.
/// </remarks>
public static class LearningRateSchedules
{
    /// <param name="peak">optimizer.lr.</param>
    /// <param name="epochs">Of the whole run.</param>
    /// <param name="epoch">Under way, from 0.</param>
    /// <param name="stepInEpoch">About to be taken, from 0; matters only where the rate changes per step.</param>
    public static double At(ScheduleSpec spec, double peak, int epochs, int epoch, int stepInEpoch, int stepsPerEpoch)
    {
        var position = spec.Per switch
        {
            "epoch" => epoch,
            "step" => epoch + (double)stepInEpoch / stepsPerEpoch,
            _ => throw new ConfigException("train.schedule.per", $"is '{spec.Per}', must be epoch or step."),
        };
        if (position < spec.WarmupEpochs) return spec.WarmupLr + position * ((peak - spec.WarmupLr) / spec.WarmupEpochs);
        var decayEpochs = epochs - spec.CooldownEpochs;
        return spec.Name switch
        {
            _ when spec.CooldownEpochs > 0 && position >= decayEpochs => spec.MinLr,
            "cosine" => Cosine(position, decayEpochs, peak, spec.MinLr),
            "step" => peak * Math.Pow(spec.Gamma, Math.Floor(position / spec.StepEpochs)),
            "constant" => peak,
            _ => throw new ConfigException("train.schedule.name", $"is '{spec.Name}', must be one of cosine, step, constant."),
        };
    }

    private static double Cosine(double position, int decayEpochs, double peak, double minimum) =>
        position >= decayEpochs ? minimum : minimum + 0.5 * (peak - minimum) * (1.0 + Math.Cos(Math.PI * position / decayEpochs));
}

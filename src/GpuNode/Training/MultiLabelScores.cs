namespace Volley.GpuNode.Training;

/// <summary>Scores where an image has several labels. Inputs are [N, K], row-major.</summary>
internal static class MultiLabelScores
{
    /// <summary>Mean over the classes that occur of the average precision: Σ (Rᵢ − Rᵢ₋₁) Pᵢ over falling scores, equal scores counted together (as scikit-learn's average_precision_score).</summary>
    /// <returns>null where no class occurs.</returns>
    public static double? MeanAveragePrecision(ReadOnlySpan<float> scores, ReadOnlySpan<float> targets, int classes)
    {
        var images = scores.Length / classes;
        var column = new float[images];
        var truth = new bool[images];
        var sum = 0.0;
        var occurring = 0;
        for (var k = 0; k < classes; k++)
        {
            for (var i = 0; i < images; i++)
            {
                column[i] = -scores[i * classes + k];   // ascending order of the negative is falling order
                truth[i] = targets[i * classes + k] > 0.5f;
            }
            var positives = truth.Count(isPositive => isPositive);
            if (positives == 0) continue;
            occurring++;
            Array.Sort(column, truth);
            sum += AveragePrecision(column, truth, positives);
        }
        return occurring == 0 ? null : sum / occurring;
    }

    /// <summary>F1 over all (image, label) decisions together (micro-averaged); a label is given where its probability is at least one half.</summary>
    /// <param name="logits">Before the sigmoid: at least 0 is at least one half.</param>
    public static double MicroF1(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets)
    {
        long right = 0, given = 0, wanted = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            var isGiven = logits[i] >= 0;
            var isWanted = targets[i] > 0.5f;
            if (isGiven && isWanted) right++;
            if (isGiven) given++;
            if (isWanted) wanted++;
        }
        return given + wanted == 0 ? 1.0 : 2.0 * right / (given + wanted);
    }

    private static double AveragePrecision(float[] ascending, bool[] truth, int positives)
    {
        var sum = 0.0;
        var found = 0;
        for (var i = 0; i < ascending.Length;)
        {
            var foundBefore = found;
            var end = i;
            while (end < ascending.Length && ascending[end] == ascending[i])
            {
                if (truth[end]) found++;
                end++;
            }
            if (end == i) end++;   // NaN equals nothing, itself included
            sum += (double)(found - foundBefore) / positives * found / end;
            i = end;
        }
        return sum;
    }
}

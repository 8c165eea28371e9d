using Volley.GpuNode.Data.Packed;
using Volley.Shared.Config;
using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data;

/// <summary>Which images of a packed file a trial trains on, validates on and is tested on: image numbers, ascending.</summary>
/// <param name="Text">For reports.</param>
internal sealed record DataSplit(int[] Train, int[] Validation, int[] Test, string Text)
{
    public int[] Of(DataPart part) => part switch
    {
        DataPart.Train => Train,
        DataPart.Validation => Validation,
        DataPart.Test => Test,
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, null),
    };

    /// <param name="dataSeed">The sweep's: all trials share one split.</param>
    public static DataSplit Make(PackedFile packed, DatasetSpec spec, ulong dataSeed)
    {
        var strata = new Strata(packed);
        int[] train = [.. Enumerable.Range(0, packed.Header.TrainImages)];
        int[] test = [.. Enumerable.Range(packed.Header.TrainImages, packed.Header.TestImages)];
        var testFrom = "";
        if (test.Length == 0 && spec.TestFraction > 0)
        {
            (test, train) = strata.Take(train, Part(train.Length, spec.TestFraction), KeyedRandom.For(dataSeed, "test-split"));
            testFrom = $" (drawn, test_fraction {spec.TestFraction})";
        }
        if (spec.LimitTrain > 0 && spec.LimitTrain < train.Length) (train, _) = strata.Take(train, spec.LimitTrain, KeyedRandom.For(dataSeed, "limit-train"));
        if (spec.LimitTest > 0 && spec.LimitTest < test.Length) (test, _) = strata.Take(test, spec.LimitTest, KeyedRandom.For(dataSeed, "limit-test"));
        if (spec.Split == "reference")
            return new(train, [], test, $"reference: trained on all {train.Length:N0}, reported on {test.Length:N0} test images{testFrom}, as the papers do");
        var (validation, rest) = strata.Take(train, Part(train.Length, spec.ValFraction), KeyedRandom.For(dataSeed, "val-split"));
        return new(rest, validation, test, $"holdout: {rest.Length:N0} train, {validation.Length:N0} validation (stratified, seed {dataSeed}), {test.Length:N0} test{testFrom}");
    }

    private static int Part(int images, double fraction) => (int)Math.Round(images * fraction, MidpointRounding.AwayFromZero);
}

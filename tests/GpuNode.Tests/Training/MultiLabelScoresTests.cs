using Volley.GpuNode.Training;

namespace Volley.GpuNode.Tests.Training;

public sealed class MultiLabelScoresTests
{
    [Fact]
    public void MeanAveragePrecision_OfScikitLearnsExample() =>   // average_precision_score's documentation: 0.83
        Assert.Equal((1.0 + 2.0 / 3) / 2, MultiLabelScores.MeanAveragePrecision([0.1f, 0.4f, 0.35f, 0.8f], [0, 0, 1, 1], 1)!.Value, 1e-12);

    [Fact]
    public void MeanAveragePrecision_LeavesOutClassesThatDoNotOccur_AndCountsTiesTogether()
    {
        // Class 0 never occurs; class 1: three images tie, one of them right, so precision 1/3 at recall 1.
        Assert.Equal(1.0 / 3, MultiLabelScores.MeanAveragePrecision([0.9f, 0.5f, 0.1f, 0.5f, 0.2f, 0.5f], [0, 0, 0, 1, 0, 0], 2)!.Value, 1e-12);
        Assert.Null(MultiLabelScores.MeanAveragePrecision([0.9f, 0.5f], [0, 0], 2));
    }

    [Fact]
    public void MicroF1_CountsAllDecisionsTogether() =>   // given: 3, wanted: 3, right: 2
        Assert.Equal(2.0 * 2 / 6, MultiLabelScores.MicroF1([1f, -1f, 0f, -2f, 3f, -1f], [1, 0, 0, 1, 1, 0]), 1e-12);
}

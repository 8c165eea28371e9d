using System.Xml;
using System.Xml.Linq;
using Volley.Coordinator.Report;
using Volley.Coordinator.Report.Plots;
using Volley.Coordinator.Report.Sections;
using Volley.Coordinator.Tests.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Report;

public sealed class HtmlReportTests
{
    private static readonly XNamespace Xhtml = "http://www.w3.org/1999/xhtml";

    [Fact]
    public void Report_HoldsEveryTrial_InTheLeaderboard()
    {
        var results = SampleResults.Of(failed: 3);
        var rows = Parse(results).Descendants(Xhtml + "table").Single(table => (string?)table.Attribute("class") == "sortable").Element(Xhtml + "tbody")!.Elements();

        Assert.Equal(Enumerable.Range(0, 24), rows.Select(row => int.Parse(row.Elements().ElementAt(1).Value)).Order());
    }

    [Fact]
    public void Report_DrawsADotForEveryFinishedTrial_InEachTradeOff()
    {
        var plots = Parse(SampleResults.Of(failed: 3)).Descendants(Xhtml + "section")
            .Single(section => section.Element(Xhtml + "h2")?.Value == "Test accuracy against its cost").Descendants(Xhtml + "svg").ToList();

        Assert.Equal(3, plots.Count);
        Assert.All(plots, plot => Assert.Equal(23, plot.Elements(Xhtml + "path").Count(path => ((string?)path.Attribute("class"))!.StartsWith("dot", StringComparison.Ordinal))));
    }

    [Fact]
    public void Report_NeedsNoNetwork()
    {
        var page = Parse(SampleResults.Of());

        Assert.Empty(page.Descendants(Xhtml + "link"));
        Assert.All(page.Descendants(), element => Assert.Null(element.Attribute("src") ?? element.Attribute("href")));
        Assert.DoesNotContain("@import", page.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("url(", page.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Report_SaysDataSplitFormulaNumericsAndDigest()
    {
        var results = SampleResults.Of();
        var notes = Parse(results).Descendants(Xhtml + "dl").Single().Value;

        Assert.Contains("CIFAR-10 (JPEG copy)", notes, StringComparison.Ordinal);
        Assert.Contains("0.1 of the training set, stratified", notes, StringComparison.Ordinal);
        Assert.Contains("E = 4.6 pJ", notes, StringComparison.Ordinal);
        Assert.Contains("libtorch 2.10.0", notes, StringComparison.Ordinal);
        Assert.Contains(results.ResultsDigest, notes, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_EscapesWhatCameFromElsewhere()
    {
        var results = SampleResults.Of(failed: 2);
        var bad = results with
        {
            Trials = [.. results.Trials.Select(trial => trial with
            {
                Model = "<script>alert(1)</script>",
                Node = "\"><img>",
                Data = new DataDescription("a&b", "</style><script>", "d]]>", 1, 1, 1, "\u0001\u0000"),
            })],
        };

        var page = Parse(bad);

        Assert.Single(page.Descendants(Xhtml + "script"));
        Assert.Empty(page.Descendants(Xhtml + "img"));
        Assert.Contains("<nan> & \"more\"", page.Descendants(Xhtml + "dl").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_IsThere_WhenNothingFinished()
    {
        var results = SampleResults.Of();
        var none = results with
        {
            Trials = [.. results.Trials.Select(trial => trial with { State = TrialEndState.Unfinished, Metrics = trial.Metrics.Clear(), Timing = trial.Timing.Clear(), Epochs = [], FiringRateByLayer = null })],
        };

        Assert.Contains("0 of 24", Parse(none).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Report_LeavesOutValuesThatAreNoNumbers()
    {
        var results = SampleResults.Of(change: (number, outcome) => number == 1
            ? outcome with { Test = outcome.Test! with { Accuracy = double.NaN, Loss = double.PositiveInfinity }, Cost = outcome.Cost with { EnergyPj = double.NaN } }
            : outcome);

        Assert.DoesNotMatch("(d|cx|cy|x|y)=\"[^\"]*(NaN|∞|Infinity)", HtmlReport.Of(results));
    }

    [Fact]
    public void Report_IsTheSame_ForTheSameResults() => Assert.Equal(HtmlReport.Of(SampleResults.Of()), HtmlReport.Of(SampleResults.Of()));

    [Fact]
    public void Front_KeepsWhatNothingBeats() =>
        Assert.Equal([(1.0, 0.2), (2, 0.5), (4, 0.9)], TradeOffs.FrontOf([(2, 0.5), (3, 0.4), (1, 0.2), (4, 0.9), (2, 0.3), (5, 0.9)]));

    [Theory]
    [InlineData(0, 1, 0.2)]
    [InlineData(0.812, 0.861, 0.01)]
    [InlineData(-5, 5, 2)]
    public void LinearAxis_HasRoundTicksInside(double low, double high, double step)
    {
        var axis = new LinearAxis("", low, high, value => value.ToString());

        Assert.InRange(axis.Ticks.Count, 3, 12);
        Assert.All(axis.Ticks, tick => Assert.InRange(axis.Position(tick.Value), -1e-6, 1 + 1e-6));
        Assert.Equal(step, axis.Ticks[1].Value - axis.Ticks[0].Value, 12);
        Assert.All(axis.Ticks, tick => Assert.True(tick.Text.Length <= 6, tick.Text));
    }

    [Theory]
    [InlineData(1, 1e6)]
    [InlineData(1.1e9, 1.9e9)]
    [InlineData(3, 3.1)]
    [InlineData(2e-4, 7e-3)]
    public void LogAxis_HasTicksInside_HoweverNarrow(double low, double high)
    {
        var axis = LogAxis.Around("", low, high, value => value.ToString());

        Assert.InRange(axis.Ticks.Count, 2, 14);
        Assert.All(axis.Ticks, tick => Assert.InRange(axis.Position(tick.Value), -1e-9, 1 + 1e-9));
        Assert.True(axis.Position(low) > 0 && axis.Position(high) < 1);
    }

    private static XDocument Parse(SweepResults results)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore };
        using var reader = XmlReader.Create(new StringReader(HtmlReport.Of(results)), settings);
        return XDocument.Load(reader);
    }
}

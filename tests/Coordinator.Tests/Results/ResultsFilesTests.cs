using Volley.Coordinator.Results;
using Volley.Shared;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Results;

public sealed class ResultsFilesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("volley-results-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Read_GivesBackWhatWasWritten_FromDirectoryOrFile()
    {
        var results = SampleResults.Of(failed: 4);
        ResultsFiles.Write(_directory, results);

        foreach (var path in new[] { _directory, Path.Combine(_directory, "results.json") })
        {
            var again = ResultsFiles.Read(path);
            Assert.Equal(results.ResultsDigest, ResultsDigest.Of(again));
            Assert.Equal(results.Trials[4].Error, again.Trials[4].Error);
            Assert.Equal(results.Trials[7].Hyperparameters, again.Trials[7].Hyperparameters);
            Assert.Equal(results.Trials[7].Timing, again.Trials[7].Timing);
        }
    }

    [Fact]
    public void Write_LeavesNoTemporaryFile_AndReplacesTheOld()
    {
        ResultsFiles.Write(_directory, SampleResults.Of());
        ResultsFiles.Write(_directory, SampleResults.Of(slowness: 2));

        Assert.Equal(["results.csv", "results.json"], Directory.EnumerateFileSystemEntries(_directory).Select(Path.GetFileName).Order());
        Assert.Equal(60, ResultsFiles.Read(_directory).Trials[0].DurationSeconds);
    }

    [Fact]
    public void Csv_HasALinePerTrial_AndQuotesWhatNeedsIt()
    {
        var lines = Records(ResultsFiles.CsvOf(SampleResults.Of(failed: 2)));

        Assert.Equal(25, lines.Count);
        Assert.All(lines, line => Assert.Equal(lines[0].Count, line.Count));
        Assert.Equal(["trial", "state", "model", "hyperparameters.optimizer.lr", "hyperparameters.model"], lines[0].Take(5));
        Assert.Equal("loss is NaN at step 40 (lr 0.01); last losses 2.3, 8.1 <nan> & \"more\"\nsecond line", lines[3][^1]);
        Assert.Equal(lines[1][lines[0].IndexOf("val_accuracy")], SampleResults.Of().Trials[0].Metrics["val_accuracy"].ToString("R"));
    }

    [Theory]
    [InlineData("", "is damaged")]
    [InlineData("{", "is damaged")]
    [InlineData("null", "is not the results of a sweep")]
    [InlineData("[1]", "is damaged")]
    [InlineData("{\"name\":\"x\"}", "is damaged")]
    [InlineData("{\"name\":\"x\",\"seed\":1,\"search_algorithm\":\"grid\",\"objectives\":[],\"trials\":[]}", "is not the results of a sweep")]
    [InlineData("{\"format_version\":99,\"name\":\"x\",\"seed\":1,\"search_algorithm\":\"grid\",\"objectives\":[{}],\"trials\":[]}", "has format 99, this version reads up to 1")]
    public void Read_RefusesOtherFiles(string content, string expected)
    {
        File.WriteAllText(Path.Combine(_directory, "results.json"), content);

        Assert.Contains(expected, Assert.Throws<UserErrorException>(() => ResultsFiles.Read(_directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SaysWhereResultsComeFrom_WhenThereAreNone()
    {
        Assert.Contains("holds no results.json", Assert.Throws<UserErrorException>(() => ResultsFiles.Read(_directory)).Message, StringComparison.Ordinal);
        Assert.Contains("there is no such file", Assert.Throws<UserErrorException>(() => ResultsFiles.Read(_directory + "-not")).Message, StringComparison.Ordinal);
    }

    /// <summary>RFC 4180, read back by other code than wrote it.</summary>
    private static List<List<string>> Records(string text)
    {
        List<List<string>> records = [[]];
        var (cell, isQuoted) = ("", false);
        for (var i = 0; i < text.Length; i++)
        {
            if (isQuoted && text[i] == '"' && i + 1 < text.Length && text[i + 1] == '"') { cell += '"'; i++; }
            else if (text[i] == '"') isQuoted = !isQuoted;
            else if (!isQuoted && text[i] is ',' or '\n' && !isQuoted)
            {
                records[^1].Add(cell);
                cell = "";
                if (text[i] == '\n' && i + 1 < text.Length) records.Add([]);
            }
            else cell += text[i];
        }
        return records;
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Results;

/// <summary><c>results.json</c> and <c>results.csv</c> of an output directory.</summary>
internal static class ResultsFiles
{
    public const string Json = "results.json";
    public const string Csv = "results.csv";

    /// <summary>Writes both; a reader sees the old content or the new, never half of it.</summary>
    /// <exception cref="UserErrorException">The directory cannot be written.</exception>
    public static void Write(string directory, SweepResults results)
    {
        WriteWhole(Path.Combine(directory, Json), JsonSerializer.Serialize(results, ConfigJson.ReadableOptions) + "\n");
        WriteWhole(Path.Combine(directory, Csv), CsvOf(results));
    }

    /// <param name="path">A results file, or a directory that holds one.</param>
    /// <exception cref="UserErrorException">There is none, or it cannot be read.</exception>
    public static SweepResults Read(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, Json) : path;
        if (!File.Exists(file))
            throw new UserErrorException(Directory.Exists(path)
                ? $"{path}: holds no {Json}; a run writes it into its --out directory when it ends."
                : $"{path}: there is no such file or directory.");
        try
        {
            var results = JsonSerializer.Deserialize<SweepResults>(File.ReadAllBytes(file), ConfigJson.ReadableOptions);
            if (results is null || results.Objectives.Count == 0) throw new UserErrorException($"{file}: is not the results of a sweep.");
            if (results.FormatVersion > SweepResults.CurrentFormat)
                throw new UserErrorException($"{file}: has format {results.FormatVersion}, this version reads up to {SweepResults.CurrentFormat}; use a newer Volley.");
            return results;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new UserErrorException($"{file}: is not the results of a sweep, or is damaged: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>One line per trial; columns that no trial fills are left out. RFC 4180.</summary>
    public static string CsvOf(SweepResults results)
    {
        var trials = results.Trials;
        var hyperparameters = trials.SelectMany(trial => trial.Hyperparameters.Choices.Select(choice => choice.Key)).Distinct().ToList();
        var metrics = trials.SelectMany(trial => trial.Metrics.Keys).Distinct().Order(StringComparer.Ordinal).ToList();
        var timings = trials.SelectMany(trial => trial.Timing.Keys).Distinct().Order(StringComparer.Ordinal).ToList();
        var text = new StringBuilder();
        Line(text,
            ["trial", "state", "model", .. hyperparameters.Select(key => $"hyperparameters.{key}"), .. metrics, .. timings,
             "duration_seconds", "attempts", "node", "weights_sha256", "seed", "error"]);
        foreach (var trial in trials)
            Line(text,
                [Text(trial.Number), trial.State.ToString().ToLowerInvariant(), trial.Model,
                 .. hyperparameters.Select(key => trial.Hyperparameters.Find(key) ?? ""),
                 .. metrics.Select(key => trial.Metrics.TryGetValue(key, out var value) ? Text(value) : ""),
                 .. timings.Select(key => trial.Timing.TryGetValue(key, out var value) ? Text(value) : ""),
                 Text(trial.DurationSeconds), Text(trial.Attempts), trial.Node, trial.WeightsSha256 ?? "", trial.Config.Seed.ToString(CultureInfo.InvariantCulture), trial.Error ?? ""]);
        return text.ToString();
    }

    /// <summary>Temporary file in the same directory, flushed to the disk, renamed over the old one.</summary>
    public static void WriteWhole(string path, string content)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                file.Write(Encoding.UTF8.GetBytes(content));
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be written: {e.Message}", e);
        }
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.AppendJoin(',', cells.Select(Quoted)).Append('\n');

    private static string Quoted(string cell) =>
        cell.AsSpan().IndexOfAny(",\"\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

using System.Collections.Immutable;
using System.Text.Json;

namespace Volley.Shared.Checkpoints;

/// <param name="Name">File name in the checkpoint's directory, without folders.</param>
/// <param name="Sha256">Lower-case hex.</param>
public sealed record CheckpointFile(string Name, long Bytes, string Sha256);

/// <summary>What a checkpoint's directory must hold; written last, so a directory without one is unfinished. No I/O here.</summary>
/// <param name="Step">Completed optimizer steps.</param>
/// <param name="Epoch">Completed epochs.</param>
/// <param name="StepInEpoch">Completed steps of the epoch under way; 0: taken at an epoch's end, after its evaluation.</param>
/// <param name="ObjectiveValue">Of the newest evaluation.</param>
public sealed record CheckpointManifest(
    long Step, int Attempt, int Epoch, int StepInEpoch, double? ObjectiveValue, ImmutableArray<CheckpointFile> Files)
{
    public const string FileName = "manifest.json";
    public const string Format = "volley-checkpoint";

    /// <summary>Raised when an older reader could misread the directory.</summary>
    public const int Version = 1;

    public CheckpointName Name => new(Step, Attempt);

    public long Bytes => Files.Sum(file => file.Bytes);

    public byte[] ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("format", Format);
            json.WriteNumber("version", Version);
            json.WriteNumber("step", Step);
            json.WriteNumber("attempt", Attempt);
            json.WriteNumber("epoch", Epoch);
            json.WriteNumber("step_in_epoch", StepInEpoch);
            if (ObjectiveValue is { } value && double.IsFinite(value)) json.WriteNumber("objective_value", value);
            json.WriteStartArray("files");
            foreach (var file in Files)
            {
                json.WriteStartObject();
                json.WriteString("name", file.Name);
                json.WriteNumber("bytes", file.Bytes);
                json.WriteString("sha256", file.Sha256);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    /// <param name="place">The file, for messages.</param>
    /// <exception cref="UserErrorException">Not a manifest, of another version, or with impossible contents.</exception>
    public static CheckpointManifest Parse(ReadOnlyMemory<byte> json, string place)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return Read(document.RootElement, place);
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{place}: is no checkpoint manifest ({wrong.Message}). The checkpoint is damaged or foreign; use another one.", wrong);
        }
    }

    private static CheckpointManifest Read(JsonElement root, string place)
    {
        var format = root.GetProperty("format").GetString();
        if (format != Format) throw new UserErrorException($"{place}: has format '{format}', must be '{Format}'. It is no checkpoint of Volley.");
        var version = root.GetProperty("version").GetInt32();
        if (version != Version)
            throw new UserErrorException($"{place}: has version {version}, this Volley reads version {Version}. Use the Volley that wrote it, or start again.");
        var manifest = new CheckpointManifest(
            root.GetProperty("step").GetInt64(), root.GetProperty("attempt").GetInt32(), root.GetProperty("epoch").GetInt32(), root.GetProperty("step_in_epoch").GetInt32(),
            root.TryGetProperty("objective_value", out var objective) ? objective.GetDouble() : null,
            [.. root.GetProperty("files").EnumerateArray().Select(file => new CheckpointFile(
                file.GetProperty("name").GetString() ?? "", file.GetProperty("bytes").GetInt64(), file.GetProperty("sha256").GetString() ?? ""))]);
        if (manifest.Step < 0 || manifest.Attempt < 0 || manifest.Epoch < 0 || manifest.StepInEpoch < 0)
            throw new FormatException("a negative step, attempt or epoch");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in manifest.Files)
        {
            // A name with a folder in it could lead out of the directory.
            if (file.Name.Length == 0 || file.Name != Path.GetFileName(file.Name) || file.Name is "." or ".." || !names.Add(file.Name))
                throw new FormatException($"the file name '{file.Name}'");
            if (file.Bytes < 0 || file.Sha256.Length != 64 || file.Sha256.Any(c => c is not ((>= '0' and <= '9') or (>= 'a' and <= 'f'))))
                throw new FormatException($"size or SHA-256 of '{file.Name}'");
        }
        return manifest;
    }
}

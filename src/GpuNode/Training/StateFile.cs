using System.Text.Json;
using System.Text.Json.Nodes;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Training;

/// <summary>state.json of a checkpoint: the run's state, what it was started from, and where its bits are repeatable.</summary>
/// <param name="Spec">The resolved configuration.</param>
/// <param name="SpecSha256">Of its canonical JSON.</param>
/// <param name="DataDigest">Of the packed data set.</param>
/// <param name="BaseDirectory">What relative paths of the configuration were relative to, where it was written.</param>
public sealed record StateFile(RunState Run, TrialSpec Spec, string SpecSha256, string DataDigest, string NumericsFingerprint, string BaseDirectory)
{
    public const string Format = "volley-state";

    /// <summary>Raised when an older reader could misread the file.</summary>
    public const int Version = 1;

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(new Envelope(Format, Version, Run, Spec, SpecSha256, DataDigest, NumericsFingerprint, BaseDirectory), ConfigJson.Options);

    /// <param name="place">The file, for messages.</param>
    /// <exception cref="UserErrorException">Not a state file, of another version, or with impossible contents.</exception>
    public static StateFile Parse(byte[] json, string place)
    {
        try
        {
            // Format and version first: of another version nothing else may be understood.
            var root = JsonNode.Parse(json)?.AsObject() ?? throw new JsonException("it is null");
            var format = root["format"]?.GetValue<string>();
            var version = root["version"]?.GetValue<int>();
            if (format != Format) throw new UserErrorException($"{place}: has format '{format}', must be '{Format}'. The checkpoint is foreign; use another one.");
            if (version != Version)
                throw new UserErrorException($"{place}: has version {version}, this Volley reads version {Version}. Use the Volley that wrote it, or start again.");
            var envelope = root.Deserialize<Envelope>(ConfigJson.Options) ?? throw new JsonException("it is null");
            if (envelope.Run is null || envelope.Spec is null || envelope.SpecSha256 is null || envelope.DataDigest is null)
                throw new JsonException("run, spec, spec_sha256 or data_digest is missing");
            var run = envelope.Run;
            if (run.Step < 0 || run.Epoch < 0 || run.StepInEpoch < 0 || run.OptimizerSteps < 0 || run.EpochImages < 0 || run.Epochs.IsDefault || run.Epochs.Length != run.Epoch || run.BestEpoch > run.Epoch)
                throw new JsonException("its position makes no sense");
            return new StateFile(run, envelope.Spec, envelope.SpecSha256, envelope.DataDigest, envelope.NumericsFingerprint ?? "", envelope.BaseDirectory ?? "");
        }
        catch (Exception wrong) when (wrong is JsonException or NotSupportedException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{place}: is no state of a run ({wrong.Message}). The checkpoint is damaged or foreign; use another one.", wrong);
        }
    }

    private sealed record Envelope(string? Format, int Version, RunState? Run, TrialSpec? Spec, string? SpecSha256, string? DataDigest, string? NumericsFingerprint, string? BaseDirectory);
}

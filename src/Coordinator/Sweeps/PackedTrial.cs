using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Volley.Shared.Config;

namespace Volley.Coordinator.Sweeps;

/// <summary>An ended trial as it stays in memory: what lists and decisions look at, and the rest compressed until somebody asks for it.</summary>
/// <remarks>
/// A sweep of 10,000 trials is mostly ended ones. In full each would hold its configuration, curves and last words (some 10 kB of objects);
/// packed it is a few hundred bytes, and some 60 more per epoch. The configuration is not kept where resolving the hyperparameters gives it again.
/// </remarks>
/// <param name="Value">Of the first objective, in its own direction; null: none was measured.</param>
internal sealed record PackedTrial(int Number, TrialPhase Phase, int Attempt, double? Value, long Version, byte[] Details)
{
    // 1.1 kB of JSON become 470 bytes in 10 µs; quality 5 makes it 400 in 60 µs, and every recovery pays that for each ended trial.
    private const int Quality = 2;
    private const int WindowBits = 16;

    private static readonly JsonSerializerOptions Options = new(ConfigJson.Options)
    {
        PropertyNamingPolicy = null,
        IgnoreReadOnlyProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    };

    public static PackedTrial Of(TrialState trial, SweepPlan plan)
    {
        var details = new Contents(trial.Spec.Hyperparameters, trial.Spec.Train.Epochs, null, trial with { Live = TrialLive.Nothing });
        if (!IsResolvable(details, plan, trial)) details = details with { SpecJson = ConfigJson.Serialize(trial.Spec) };
        var value = SweepOutcome.Of(trial).Find(plan.Spec.Objective.Metric);
        return new PackedTrial(trial.Number, trial.Phase, trial.Attempt, value, trial.Version, Compress(JsonSerializer.SerializeToUtf8Bytes(details, Options)));
    }

    public TrialState Unpack(SweepPlan plan)
    {
        var contents = JsonSerializer.Deserialize<Contents>(Decompress(Details), Options)!;
        return contents.Trial with { Spec = contents.SpecJson is { } json ? ConfigJson.Deserialize(json) : Resolve(contents, plan, Number), Version = Version };
    }

    /// <summary>A journal that an older version wrote may hold a configuration that this one would resolve otherwise: then it is kept.</summary>
    private static bool IsResolvable(Contents contents, SweepPlan plan, TrialState trial)
    {
        try
        {
            var resolved = Resolve(contents, plan, trial.Number);
            return resolved == trial.Spec || ConfigJson.Serialize(resolved) == ConfigJson.Serialize(trial.Spec);     // the first costs nothing, and is true wherever no list is in it
        }
        catch (ConfigException)
        {
            return false;
        }
    }

    /// <summary>With the epochs of the stage it had reached: see <see cref="TrialExtended"/>.</summary>
    private static TrialSpec Resolve(Contents contents, SweepPlan plan, int number)
    {
        var spec = TrialResolver.Resolve(plan.Spec, number, contents.Hyperparameters);
        return spec with { Train = spec.Train with { Epochs = contents.Epochs } };
    }

    private static byte[] Compress(byte[] json)
    {
        var room = new byte[4 + BrotliEncoder.GetMaxCompressedLength(json.Length)];
        BitConverter.TryWriteBytes(room, json.Length);
        if (!BrotliEncoder.TryCompress(json, room.AsSpan(4), out var written, Quality, WindowBits))
            throw new InvalidOperationException($"{json.Length} bytes could not be compressed into {room.Length}.");
        return room[..(4 + written)];
    }

    private static ReadOnlySpan<byte> Decompress(byte[] packed)
    {
        var json = new byte[BitConverter.ToInt32(packed)];
        if (!BrotliDecoder.TryDecompress(packed.AsSpan(4), json, out var written) || written != json.Length)
            throw new InvalidOperationException($"{packed.Length} packed bytes give {written} bytes, not {json.Length}.");
        return json;
    }

    /// <param name="Epochs">As the configuration has it now.</param>
    /// <param name="SpecJson">Null where resolving the hyperparameters gives the configuration.</param>
    private sealed record Contents(Assignment Hyperparameters, int Epochs, string? SpecJson, TrialState Trial);
}

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Volley.GpuNode.Data.Packed;

/// <summary>What a packed data set says of itself, as JSON behind the magic number. See README.md for the layout of the file.</summary>
/// <remarks>Holds no path and no time: the same images in the same order give the same bytes wherever they were prepared.</remarks>
internal sealed record PackedHeader
{
    /// <summary>cifar10 | cifar100 | fashion-mnist | images | images-csv.</summary>
    public required string Name { get; init; }

    /// <summary>For people: "CIFAR-10 (JPEG copy)".</summary>
    public required string Source { get; init; }
    public required int Channels { get; init; }
    public required int Height { get; init; }
    public required int Width { get; init; }
    public required IReadOnlyList<string> ClassNames { get; init; }
    public required bool MultiLabel { get; init; }

    /// <summary>Training images come first.</summary>
    public required int TrainImages { get; init; }
    public required int TestImages { get; init; }

    /// <summary>Per channel, of pixel values in 0..1.</summary>
    public required IReadOnlyList<double> Mean { get; init; }
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>SHA-256 over shape, class names, labels and pixels, lower-case hex: names the content.</summary>
    public required string ContentSha256 { get; init; }

    /// <summary>XxHash3 over the bytes behind the header, hex: finds damage, checked whenever the file is opened.</summary>
    public required string PayloadXxHash3 { get; init; }

    [JsonIgnore]
    public int Images => TrainImages + TestImages;

    [JsonIgnore]
    public int ImageBytes => Channels * Height * Width;

    /// <summary>Bytes of one image's labels: a little-endian int32, or one byte (0 or 1) per class where there are several labels.</summary>
    [JsonIgnore]
    public int LabelBytes => MultiLabel ? ClassNames.Count : sizeof(int);

    [JsonIgnore]
    public long PayloadBytes => (long)Images * (ImageBytes + LabelBytes);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, PackedHeaderJson.Default.PackedHeader);

    public static PackedHeader? FromJson(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, PackedHeaderJson.Default.PackedHeader);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = false, AllowTrailingCommas = true)]
[JsonSerializable(typeof(PackedHeader))]
internal sealed partial class PackedHeaderJson : JsonSerializerContext;

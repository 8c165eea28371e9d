using System.Text.Json;
using System.Text.Json.Serialization;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Data;

/// <summary>What Pillow makes of small images: written by tests/Fixtures/pillow/make.py.</summary>
internal static class PillowFixture
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Operations ReadOperations() => Read<Operations>("operations.json");

    public static Resizes ReadResizes() => Read<Resizes>("resize.json");

    /// <summary>Rows of interleaved channels, as Pillow has them, to channels of rows, as we have them.</summary>
    public static byte[] Planar(byte[] interleaved, int channels)
    {
        var plane = interleaved.Length / channels;
        var planar = new byte[interleaved.Length];
        for (var i = 0; i < plane; i++)
            for (var channel = 0; channel < channels; channel++)
                planar[channel * plane + i] = interleaved[i * channels + channel];
        return planar;
    }

    private static T Read<T>(string name) =>
        JsonSerializer.Deserialize<T>(File.ReadAllText(Path.Combine(SharedFiles.RepositoryRoot, "tests", "Fixtures", "pillow", name)), Options)!;

    internal sealed record Picture(int Width, int Height, int Channels, byte[] Pixels);
    internal sealed record Case(string Operation, int Image, double Argument, byte[] Result);
    internal sealed record Operations(string Pillow, int[] Fill, Picture[] Images, Case[] Cases);
    internal sealed record Resize(int Width, int Height, int Channels, byte[] Pixels, int NewWidth, int NewHeight, byte[] Result);
    internal sealed record Grey(int Width, int Height, byte[] Pixels, byte[] Result);
    internal sealed record Resizes(string Pillow, Resize[] Cases, [property: JsonPropertyName("grey")] Grey GreyCase);
}

using System.Buffers.Binary;
using System.Text;
using Volley.Models.Safetensors;
using Volley.Shared;

namespace Volley.Models.Tests.Safetensors;

public sealed class SafetensorsFormatTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-safetensors-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_ThenOpen_GivesTheSameTensorsAndMetadata()
    {
        var path = Path.Combine(_folder, "a.safetensors");
        SafetensorsWriter.Write(path, Sample(), new Dictionary<string, string> { ["family"] = "vit", ["note"] = "τ = 2 \"quoted\"" });

        using var file = SafetensorsFile.Open(path);

        Assert.Equal("τ = 2 \"quoted\"", file.Metadata["note"]);
        Assert.Equal([2L, 3L], file.Entry("weight").Shape);
        Assert.Equal([1.5f, -2f, 3f, 0f, 5f, float.MinValue], file.Read<float>("weight", SafetensorsType.F32));
        Assert.Empty(file.Entry("scalar").Shape);
        Assert.Equal([42L], file.Read<long>("scalar", SafetensorsType.I64));
        Assert.Equal([1, 0, 1], file.Read<byte>("mask", SafetensorsType.BOOL));
        Assert.Empty(file.Read<byte>("empty", SafetensorsType.U8));
    }

    [Fact]
    public void Write_GivesTheSameBytes_WhateverTheOrderOfTensors()
    {
        using var one = new MemoryStream();
        using var two = new MemoryStream();
        SafetensorsWriter.Write(one, Sample());
        SafetensorsWriter.Write(two, Sample().Reverse());
        Assert.Equal(one.ToArray(), two.ToArray());
        Assert.Equal(0, (int)BinaryPrimitives.ReadInt64LittleEndian(one.ToArray()) % 8);
    }

    [Fact]
    public void Write_Refuses_TwoTensorsOfOneName()
    {
        var twice = new HostTensor("w", SafetensorsType.U8, [1], new byte[1]);
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(new MemoryStream(), [twice, twice]));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "ends at byte 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "5 follow the header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "dimension -1")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "dimension 1.5")]
    [InlineData("""{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "larger than any file")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", 4, "'F8_E4M3'")]
    [InlineData("""{"a":{"dtype":"1","shape":[4],"data_offsets":[0,4]}}""", 4, "type '1'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", 4, "two rising whole numbers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "begins at byte 1")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""", 3, "begins at byte 2")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "no Unicode")]
    [InlineData("""{"a":{"shape":[1]}}""", 1, "must have dtype, shape and data_offsets")]
    [InlineData("""{"a":7}""", 1, "must have dtype, shape and data_offsets")]
    [InlineData("""{"__metadata__":{"n":1}}""", 0, "must be a string")]
    [InlineData("""[1,2]""", 0, "does not start with '{'")]
    [InlineData("""{"a":""", 0, "not valid JSON")]
    [InlineData("""{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}""", 0, "not valid JSON")]
    public void Open_NamesFileAndProblem_WhenTheHeaderIsWrong(string header, int dataBytes, string expected)
    {
        var path = Path.Combine(_folder, "bad.safetensors");
        var json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[dataBytes]]);

        var error = Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path));

        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[0], "has 0 bytes")]
    [InlineData(new byte[] { 1, 2, 3 }, "has 3 bytes")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 }, "header has 0 bytes")]
    [InlineData(new byte[] { 100, 0, 0, 0, 0, 0, 0, 0, 123 }, "announces a header of 100 bytes")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "18446744073709551615")]
    [InlineData(new byte[] { 255, 255, 255, 127, 0, 0, 0, 0, 123 }, "at most 100000000")]
    public void Open_NamesFileAndProblem_WhenTheLengthIsWrong(byte[] bytes, string expected)
    {
        var path = Path.Combine(_folder, "bad.safetensors");
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Refuses_AMissingFileAndAFolder()
    {
        Assert.Contains("cannot be read", Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(Path.Combine(_folder, "none"))).Message, StringComparison.Ordinal);
        Assert.Contains("is a folder", Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NeverAcceptsAFileCutOffAnywhere()
    {
        var path = Path.Combine(_folder, "whole.safetensors");
        SafetensorsWriter.Write(path, Sample());
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path));
        }
    }

    private static HostTensor[] Sample() =>
    [
        new("weight", SafetensorsType.F32, [2, 3], Bytes(1.5f, -2f, 3f, 0f, 5f, float.MinValue)),
        new("mask", SafetensorsType.BOOL, [3], new byte[] { 1, 0, 1 }),
        new("scalar", SafetensorsType.I64, [], BitConverter.GetBytes(42L)),
        new("empty", SafetensorsType.U8, [0, 7], Array.Empty<byte>()),
    ];

    private static byte[] Bytes(params float[] values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}

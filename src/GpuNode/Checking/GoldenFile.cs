using System.Text.Json;
using Volley.Models.Safetensors;
using Volley.Shared;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>A file of reference numbers that remembers which of its tensors were used.</summary>
internal sealed class GoldenFile : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    private GoldenFile(SafetensorsFile file) => _file = file;

    public string Path => _file.Path;

    public SafetensorsFile Tensors => _file;

    public static GoldenFile Open(string path) => new(SafetensorsFile.Open(path));

    public bool Contains(string name) => _file.Contains(name);

    /// <summary>Names below a prefix such as <c>train/grad/</c>, without it, in the file's order.</summary>
    public IEnumerable<string> Below(string prefix) =>
        _file.Entries.Where(e => e.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(e => e.Name[prefix.Length..]);

    public long[] Shape(string name) => [.. _file.Entry(name).Shape];

    /// <summary>The tensor as stored. Counts as used.</summary>
    public Tensor Read(string name)
    {
        _used.Add(name);
        return _file.ReadTensor(name);
    }

    /// <summary>The tensor in another type. Counts as used.</summary>
    public Tensor Read(string name, ScalarType type)
    {
        using var stored = Read(name);
        return stored.to_type(type, copy: true);
    }

    public double ReadScalar(string name)
    {
        using var value = Read(name, ScalarType.Float64);
        if (value.NumberOfElements != 1) throw new UserErrorException($"{Path}: '{name}' has {value.NumberOfElements} elements, must have 1.");
        return value.item<double>();
    }

    /// <summary>For tensors that something else reads, such as the starting state.</summary>
    public void MarkUsed(string prefix)
    {
        foreach (var name in Below(prefix)) _used.Add(prefix + name);
    }

    /// <summary>Tensors that no check asked for.</summary>
    public IEnumerable<string> Unused => _file.Entries.Select(e => e.Name).Where(name => !_used.Contains(name));

    public string? Metadata(string key) => _file.Metadata.GetValueOrDefault(key);

    /// <summary>Metadata that is JSON text.</summary>
    /// <exception cref="UserErrorException">It is missing or not JSON of that form.</exception>
    public T MetadataJson<T>(string key)
    {
        var text = Metadata(key) ?? throw new UserErrorException($"{Path}: its metadata has no '{key}'.");
        try
        {
            return JsonSerializer.Deserialize<T>(text, JsonOptions) ?? throw new UserErrorException($"{Path}: metadata '{key}' is null.");
        }
        catch (JsonException wrong)
        {
            throw new UserErrorException($"{Path}: metadata '{key}' is {text}, which does not read as {typeof(T).Name}: {wrong.Message}", wrong);
        }
    }

    public void Dispose() => _file.Dispose();

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };
}

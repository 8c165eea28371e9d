using Volley.Shared;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Safetensors;

/// <summary>A module's parameters and buffers to and from safetensors, under the names of its state dictionary.</summary>
public static class ModuleState
{
    /// <summary>A copy of every parameter and buffer in host memory.</summary>
    public static IReadOnlyList<HostTensor> ToHost(Module module)
    {
        using var scope = NewDisposeScope();
        return [.. module.state_dict().Select(item => TensorConversion.ToHost(item.Key, item.Value))];
    }

    /// <summary>Sets every parameter and buffer in place. All names and shapes are compared before the first one is touched.</summary>
    /// <param name="module">Keeps its own types and device; values are converted.</param>
    /// <param name="file">Where the values are.</param>
    /// <param name="prefix">Put before each name, for example <c>state/</c>. Tensors without it are ignored.</param>
    /// <exception cref="UserErrorException">A tensor is missing, one too many, or of another shape.</exception>
    public static void Load(Module module, SafetensorsFile file, string prefix = "")
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var state = module.state_dict();
        var inFile = file.Entries.Where(e => e.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(e => e.Name[prefix.Length..]).ToHashSet(StringComparer.Ordinal);
        RefuseDifferences(file.Path, "lacks", state.Keys.Where(name => !inFile.Contains(name)));
        RefuseDifferences(file.Path, "has, unknown to the model,", inFile.Where(name => !state.ContainsKey(name)));
        foreach (var (name, target) in state)
        {
            var shape = file.Entry(prefix + name).Shape;
            if (!target.shape.AsSpan().SequenceEqual(shape.AsSpan()))
                throw new UserErrorException(
                    $"{file.Path}: '{prefix}{name}' has shape [{string.Join(",", shape)}], the model needs [{string.Join(",", target.shape)}]. The weights belong to another configuration.");
        }
        foreach (var (name, target) in state)
        {
            using var one = NewDisposeScope();
            target.copy_(file.ReadTensor(prefix + name));
        }
    }

    private static void RefuseDifferences(string path, string verb, IEnumerable<string> names)
    {
        var listed = names.Order(StringComparer.Ordinal).ToArray();
        if (listed.Length == 0) return;
        var shown = string.Join(", ", listed.Take(5)) + (listed.Length > 5 ? $" and {listed.Length - 5} more" : "");
        throw new UserErrorException($"{path}: {verb} {listed.Length} tensors: {shown}. The weights belong to another configuration.");
    }
}

using Volley.Models.Safetensors;
using Volley.Shared;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checkpointing;

/// <summary>Tensors that are saved in one file. Borrowed: they stay where they are and are read and written in place.</summary>
public sealed record TensorGroup(string FileName, IReadOnlyList<(string Name, Tensor Tensor)> Tensors)
{
    /// <summary>Compares names, shapes and types with the file; touches nothing.</summary>
    /// <exception cref="UserErrorException">The first difference.</exception>
    public void Validate(SafetensorsFile file)
    {
        foreach (var (name, tensor) in Tensors)
        {
            if (!file.Contains(name)) throw Other(file, $"lacks '{name}'");
            var entry = file.Entry(name);
            if (!entry.Shape.AsSpan().SequenceEqual(tensor.shape))
                throw Other(file, $"'{name}' has shape [{string.Join(",", entry.Shape)}], the run needs [{string.Join(",", tensor.shape)}]");
            if (entry.Type != tensor.dtype.ToSafetensorsType())
                throw Other(file, $"'{name}' has type {entry.Type}, the run needs {tensor.dtype.ToSafetensorsType()}");
        }
        if (file.Entries.Length != Tensors.Count)
        {
            var known = Tensors.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
            throw Other(file, $"has '{file.Entries.First(entry => !known.Contains(entry.Name)).Name}', which the run does not know");
        }
    }

    /// <summary>Copies the file's values into the tensors. After <see cref="Validate"/>.</summary>
    public void Load(SafetensorsFile file)
    {
        using var _ = no_grad();
        foreach (var (name, tensor) in Tensors)
        {
            using var scope = NewDisposeScope();
            tensor.copy_(file.ReadTensor(name));
        }
    }

    private static UserErrorException Other(SafetensorsFile file, string what) => new($"{file.Path}: {what}. The checkpoint belongs to another configuration.");
}

/// <summary>Copies tensors to host memory that is kept and used again: touching fresh memory is many times slower than touching kept memory (DESIGN §12).</summary>
public sealed class SnapshotBuffers
{
    private readonly Dictionary<(string File, string Name), byte[]> _kept = [];

    /// <returns>Valid until the next call for the same group.</returns>
    public IReadOnlyList<HostTensor> Copy(TensorGroup group)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return [.. group.Tensors.Select(t => CopyOne(group.FileName, t.Name, t.Tensor))];
    }

    private HostTensor CopyOne(string file, string name, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var onCpu = tensor.detach().cpu().contiguous();
        var bytes = checked((int)(onCpu.NumberOfElements * onCpu.ElementSize));
        if (!_kept.TryGetValue((file, name), out var buffer) || buffer.Length != bytes) _kept[(file, name)] = buffer = new byte[bytes];
        if (bytes > 0) onCpu.bytes.CopyTo(buffer);
        return new HostTensor(name, onCpu.dtype.ToSafetensorsType(), [.. onCpu.shape], buffer);
    }
}

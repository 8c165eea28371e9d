using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>A module that only holds parameters under dotted names, for optimizers that want a module.</summary>
internal sealed class ParameterBag : nn.Module
{
    /// <param name="parameters">Values are taken over.</param>
    /// <param name="name">Its own name.</param>
    public ParameterBag(IEnumerable<(string Name, Tensor Value)> parameters, string name = nameof(ParameterBag)) : base(name)
    {
        foreach (var group in parameters.GroupBy(p => p.Name.Contains('.') ? p.Name[..p.Name.IndexOf('.')] : ""))
        {
            if (group.Key.Length > 0)
                register_module(group.Key, new ParameterBag(group.Select(p => (p.Name[(group.Key.Length + 1)..], p.Value)), group.Key));
            else
                foreach (var (own, value) in group) register_parameter(own, new Parameter(value));
        }
    }
}

using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training;

/// <summary>A module that only holds parameters under dotted names.</summary>
internal sealed class ParameterBag : nn.Module
{
    public ParameterBag(IEnumerable<(string Name, Tensor Value)> parameters, string name = "bag") : base(name)
    {
        foreach (var group in parameters.GroupBy(p => p.Name.Contains('.') ? p.Name[..p.Name.IndexOf('.')] : ""))
        {
            if (group.Key.Length == 0)
                foreach (var (own, value) in group) register_parameter(own, new Parameter(value));
            else
                register_module(group.Key, new ParameterBag(group.Select(p => (p.Name[(group.Key.Length + 1)..], p.Value)), group.Key));
        }
    }
}

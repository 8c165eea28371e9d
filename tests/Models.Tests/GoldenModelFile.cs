using System.Text.Json;
using TorchSharp;
using Volley.Models.Safetensors;
using Volley.Shared.Config;
using Volley.TestKit;
using static TorchSharp.torch;

namespace Volley.Models.Tests;

/// <summary>A spiking model's golden file: the model it describes, and its tensors. Everything in it is compared by <c>volley check</c>; tests here name what broke.</summary>
internal sealed class GoldenModelFile(string name) : IDisposable
{
    private readonly SafetensorsFile _file = SafetensorsFile.Open(SharedFiles.Require($"golden/{name}.safetensors"));

    public Tensor this[string tensor] => _file.ReadTensor(tensor);

    public IEnumerable<string> Below(string prefix) =>
        _file.Entries.Select(e => e.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]);

    public IReadOnlySet<string> ParametersWithoutGradient =>
        JsonSerializer.Deserialize<string[]>(_file.Metadata["params_without_grad"])!.ToHashSet();

    public ImageClassifier Build(ScalarType type)
    {
        var config = JsonDocument.Parse(_file.Metadata["config"]).RootElement;
        SpikingSpec spec = name.StartsWith("sdt", StringComparison.Ordinal)
            ? new SdtSpec { Name = "sdt", PoolingStat = config.GetProperty("pooling_stat").GetString()!, Neuron = config.GetProperty("spike_mode").GetString()! }
            : new SpikformerSpec { Name = "spikformer" };
        spec = spec with
        {
            TimeSteps = config.GetProperty("T").GetInt32(),
            EmbedDim = config.GetProperty("embed_dims").GetInt32(),
            Depth = config.GetProperty("depths").GetInt32(),
            Heads = config.GetProperty("num_heads").GetInt32(),
            MlpRatio = config.GetProperty("mlp_ratio").GetDouble(),
        };
        var model = ModelRegistry.Create(spec, new ModelInput(3, 32, 32, config.GetProperty("num_classes").GetInt32()), seed: 1);
        model.to(type);
        ModuleState.Load(model, _file, "state/");
        return model;
    }

    public void Dispose() => _file.Dispose();
}

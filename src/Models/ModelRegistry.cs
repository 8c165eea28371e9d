using Volley.Models.Cnn;
using Volley.Models.Initialization;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using static TorchSharp.torch;

namespace Volley.Models;

/// <summary>From a specification to a network: the only switch over models.</summary>
public static class ModelRegistry
{
    /// <summary>Every problem of a specification with these images, before a tensor is made.</summary>
    /// <exception cref="ConfigException">Specification and images do not go together.</exception>
    public static void Check(ModelSpec spec, ModelInput input) => Requirements.Check(spec, input);

    /// <summary>A freshly initialised network on the CPU in fp32, in training mode.</summary>
    /// <param name="spec">The architecture.</param>
    /// <param name="input">What the data decides.</param>
    /// <param name="seed">The trial's; the same seed gives the same weights. Re-seeds torch's global generator.</param>
    /// <exception cref="ConfigException">Specification and images do not go together.</exception>
    public static ImageClassifier Create(ModelSpec spec, ModelInput input, ulong seed)
    {
        Requirements.Check(spec, input);
        manual_seed((long)Seeds.Derive(seed, "init"));
        switch (spec)
        {
            case ResNetSpec resNet:
                return new ResNet(resNet, input);   // libtorch's default is the reference's
            case VitSpec vit:
                var model = new VisionTransformer.VisionTransformer(vit, input);
                ReferenceInitialization.Apply(model);
                return model;
            case SdtSpec sdt:
                var spikeDriven = new SpikeDrivenTransformer.SpikeDrivenTransformer(sdt, input);
                TruncatedNormal.OnConvolutions(spikeDriven);
                return spikeDriven;
            case SpikformerSpec spikformer:
                var spiking = new Spikformer.Spikformer(spikformer, input);
                TruncatedNormal.OnLinearLayers(spiking);
                return spiking;
            default:
                throw new ConfigException("model.name", $"is '{spec.Name}', must be one of {string.Join(", ", ModelPresets.Names)}");
        }
    }
}

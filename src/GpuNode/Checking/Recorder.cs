using Volley.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.GpuNode.Checking;

/// <summary>Keeps what chosen submodules take in and give out during one forward, through hooks: the model does not know.</summary>
/// <remarks>Copies are made at once: a network may overwrite an output in place. The recorder owns them.</remarks>
internal sealed class Recorder : IDisposable
{
    private readonly ImageClassifier _model;
    private readonly List<Action> _removals = [];
    private readonly Dictionary<string, Tensor> _inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _outputs = new(StringComparer.Ordinal);

    private Recorder(ImageClassifier model) => _model = model;

    public static Recorder Attach(ImageClassifier model, IReadOnlySet<string> modules)
    {
        var recorder = new Recorder(model);
        model.IsObserved = true;
        foreach (var (name, module) in model.named_modules())
        {
            if (!modules.Contains(name) || module is not Module<Tensor, Tensor> layer) continue;
            var hook = layer.register_forward_hook((_, input, output) =>
            {
                Keep(recorder._inputs, name, input);
                Keep(recorder._outputs, name, output);
                return output;
            });
            recorder._removals.Add(hook.remove);
        }
        return recorder;
    }

    /// <summary>null where the module does not exist or was not called.</summary>
    public Tensor? Input(string module) => _inputs.GetValueOrDefault(module);

    public Tensor? Output(string module) => _outputs.GetValueOrDefault(module);

    public void Dispose()
    {
        foreach (var remove in _removals) remove();
        _model.IsObserved = false;
        foreach (var kept in _inputs.Values.Concat(_outputs.Values)) kept.Dispose();
    }

    /// <summary>The last call counts where a module is called twice.</summary>
    private static void Keep(Dictionary<string, Tensor> store, string name, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        if (store.Remove(name, out var earlier)) earlier.Dispose();
        store[name] = tensor.detach().clone().DetachFromDisposeScope();
    }
}

using Spectre.Console;
using Volley.Shared.ModelCosts;

namespace Volley.GpuNode.Profiling;

/// <summary>A profile for people.</summary>
internal static class ProfileTables
{
    public static void Write(IAnsiConsole console, ModelProfile profile, string where)
    {
        var (counts, cost, latency, input) = (profile.Counts, profile.Cost, profile.Latency, profile.Input);
        var figures = new Table().Border(TableBorder.Simple).HideHeaders().AddColumn("").AddColumn("")
            .Title($"{Markup.Escape(profile.Spec.Name)}, {input.Channels}×{input.Height}×{input.Width}, {input.Classes} classes");
        figures.AddRow("parameters", counts.UnusedParameters == 0 ? $"{counts.Parameters:N0}" : $"{counts.Parameters:N0} ({counts.UnusedParameters:N0} never used in forward)");
        figures.AddRow("dense MACs", counts.IsSpiking ? $"{counts.Macs:N0} (T = {counts.TimeSteps})" : $"{counts.Macs:N0}");
        if (counts.IsSpiking)
        {
            figures.AddRow("firing rate, sparsity", $"{1 - cost.SpikeSparsity:0.0000}, {cost.SpikeSparsity:P2}");
            figures.AddRow("synaptic operations", $"{cost.SynapticOperations:N0}");
        }
        figures.AddRow("energy", $"{cost.EnergyPj / 1e6:N3} µJ for one image");
        figures.AddRow("latency, batch 1", $"{latency.LatencyMsP50:N2} ms median, {latency.LatencyMsP95:N2} ms p95");
        figures.AddRow($"latency, batch {profile.Batch}", $"{latency.BatchLatencyMsP50:N1} ms median, {latency.BatchLatencyMsP95:N1} ms p95");
        figures.AddRow("throughput", $"{latency.ImagesPerSecond:N1} images/s at batch {profile.Batch}");
        figures.AddRow("measured on", Markup.Escape(where));
        console.Write(figures);
        console.Write(Layers(profile));
        if (counts.IsSpiking) console.Write(Neurons(profile));
        console.WriteLine($"Energy: {EnergyAccounting.Formula}.");
        if (counts.IsSpiking) console.WriteLine($"Rates: {profile.RatesFrom}. R is measured at the layer's own input, after pooling and masking.");
    }

    private static Table Layers(ModelProfile profile)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("layer");
        foreach (var column in (string[])["MACs per call", "calls", "kind", "input rate", "operations", "energy nJ"])
            table.AddColumn(column, c => c.RightAligned());
        foreach (var layer in profile.Energy.Layers)
        {
            table.AddRow(
                Markup.Escape(layer.Layer.Name), $"{layer.Layer.OperationsPerCall:N0}", $"{layer.Layer.Calls}",
                layer.Layer.Kind == OperationKind.MultiplyAccumulate ? "MAC" : "AC",
                layer.Layer.Kind == OperationKind.MultiplyAccumulate ? "" : $"{layer.Rate:0.0000}", $"{layer.Operations:N0}", $"{layer.EnergyPj / 1e3:N2}");
        }
        return table;
    }

    private static Table Neurons(ModelProfile profile)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("neuron layer");
        foreach (var column in (string[])["neurons", "firing rate", "sparsity", "firing rate at t = 1 … T"]) table.AddColumn(column, c => c.RightAligned());
        foreach (var layer in profile.Counts.NeuronLayers)
        {
            table.AddRow(
                Markup.Escape(layer.Name), $"{layer.Neurons:N0}", $"{profile.Rates[layer.Name]:0.0000}", $"{1 - profile.Rates[layer.Name]:P2}",
                string.Join("  ", profile.RatesByTimeStep[layer.Name].Select(rate => $"{rate:0.000}")));
        }
        return table;
    }
}

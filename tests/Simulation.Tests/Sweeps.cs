using Volley.Coordinator.Sweeps;

namespace Volley.Simulation.Tests;

/// <summary>Small sweeps, by what is particular to them.</summary>
internal static class Sweeps
{
    public static SweepSubmission Of(string name = "tiny", int trials = 4, string resources = "", string checkpoint = "keep_last: 2, keep_best: 1", int epochs = 3, bool isOnNodes = false) => new(
        name, $"{name}.yaml",
        $$"""
        name: {{name}}
        seed: 3
        search: { algorithm: random, max_trials: {{trials}} }
        resources: { max_failures: 50{{(resources.Length > 0 ? ", " : "")}}{{resources}} }
        checkpoint: { {{checkpoint}}{{(isOnNodes ? ", store: node" : "")}} }
        train:
          dataset: { name: fashion-mnist }
          epochs: {{epochs}}
          optimizer: { name: adamw, lr: { log_uniform: [1.0e-4, 1.0e-2] } }
          model: { name: resnet18, width: 8 }
        """,
        [], isOnNodes ? "" : "/home/me", isOnNodes ? "" : $"/runs/{name}/checkpoints", isOnNodes ? "" : "/data");
}

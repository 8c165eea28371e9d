namespace Volley.Shared.Cli;

/// <summary>Which of the two programs runs a verb. Verbs that need tensors live in <c>volley-node</c> (DESIGN §2).</summary>
public enum VerbHome { Coordinator, Node }

/// <param name="IsHidden">Started by Volley itself, not typed by people.</param>
public sealed record Verb(string Name, VerbHome Home, string Summary, bool IsHidden = false);

/// <summary>The one list of verbs: both programs, <c>--help</c> and the tests read it.</summary>
public static class VerbTable
{
    public static IReadOnlyList<Verb> All { get; } =
    [
        new("run", VerbHome.Coordinator, "Run a sweep on this machine, from a YAML file to a leaderboard and a report"),
        new("train", VerbHome.Node, "Train one configuration in this process, with checkpoints and exact resume"),
        new("eval", VerbHome.Node, "Evaluate a checkpoint"),
        new("profile", VerbHome.Node, "Parameters, MACs, firing rates, energy and latency of a model"),
        new("check", VerbHome.Node, "Compare networks, losses and optimizers with reference numbers"),
        new("dataset", VerbHome.Node, "Prepare a data set for training, or describe a prepared one"),
        new("results", VerbHome.Coordinator, "Show the results of a run, or say where two runs differ"),
        new("serve", VerbHome.Coordinator, "Start a coordinator that agents join"),
        new("sweep", VerbHome.Coordinator, "Submit sweeps to a coordinator, watch and steer them, fetch their results"),
        new("trial", VerbHome.Coordinator, "Look at the trials of a sweep: state, configuration, checkpoints"),
        new("node", VerbHome.Coordinator, "Look at the machines that have joined a coordinator"),
        new("join", VerbHome.Node, "Lend this machine's slots to a coordinator"),
        new("chaos", VerbHome.Coordinator, "Run a sweep under faults on purpose, and prove that nothing is lost"),
        new("bench", VerbHome.Node, "Measure what ranks exchange with each other on this machine"),
        new("rank", VerbHome.Node, "One rank's process; started by an agent", IsHidden: true),
        new("group-rank", VerbHome.Node, "One rank of a group without coordinator; started by a benchmark", IsHidden: true),
    ];

    public static Verb? Find(string name) => All.FirstOrDefault(verb => verb.Name == name);
}

using System.Collections.Immutable;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Network;
using Volley.Coordinator.Chaos.Processes;
using Volley.Coordinator.Cli;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Results;
using Volley.Shared;

namespace Volley.Coordinator.Chaos;

/// <summary>The main path of <c>volley chaos</c>: the same sweep twice, undisturbed and under faults, and the verdict. What it made on this machine is gone afterwards.</summary>
internal static class ChaosRun
{
    public static async Task<ChaosResult> RunAsync(ChaosOptions options, Action<string> say, TimeProvider clock, CancellationToken stop)
    {
        var scratch = Directory.CreateTempSubdirectory("volley-chaos-").FullName;       // short: sockets lie in it
        var ledgerPath = Path.Combine(scratch, "ledger.jsonl");
        using var ledger = new Ledger(ledgerPath);
        ledger.Add(new Ledger.Entry(Folder: scratch));
        using var guard = Guard.Start(ledgerPath);
        ChaosResult result;
        try
        {
            result = await RunAsync(options, scratch, ledger, say, clock, stop);
        }
        finally
        {
            foreach (var problem in Ledger.Undo(ledgerPath)) say($"Left behind: {problem}");
        }
        // A failure wants to be looked into.
        if (!options.IsKept && result.Verdict.Holds) DeleteWork(options);
        return result;
    }

    private static async Task<ChaosResult> RunAsync(ChaosOptions options, string scratch, Ledger ledger, Action<string> say, TimeProvider clock, CancellationToken stop)
    {
        var startedAt = clock.GetUtcNow();
        var (kinds, skipped) = Allowed(options, scratch);
        foreach (var reason in skipped) say($"Left out: {reason}");
        var yaml = ChaosSweep.Yaml(options.Nodes, options.Faults, options.Seed, options.Store);
        await File.WriteAllTextAsync(Path.Combine(options.Out, "sweep.yaml"), yaml, stop);

        var members = Enumerable.Range(0, options.Nodes).Select(ChaosClusterOptions.NodeName).Prepend(ClusterPicture.Coordinator).ToList();
        var network = kinds.Contains(FaultKind.LinkCut) ? NetworkNamespaces.Create(ledger, members) : null;
        var plan = FaultPlan.Of(options.Seed, options.Faults, kinds, network is null ? Detection.OnLoopback : Detection.OnNetwork);

        say($"Undisturbed: {options.Nodes} nodes{(network is null ? "" : " in network namespaces")}.");
        var first = new SweepRun(ClusterOptions("undisturbed", "u"), yaml, ledger, network, disk: null, say, clock);
        var undisturbed = await first.RunAsync([], 0, stop);
        ResultsFiles.Write(Path.Combine(options.Out, "undisturbed"), undisturbed.Results);
        var totalSteps = undisturbed.Results.Trials.Sum(trial => trial.Epochs.Count > 0 ? trial.Epochs[^1].Step : 0);
        say($"Undisturbed: {undisturbed.Results.Trials.Count} trials, {totalSteps} steps in {undisturbed.Duration.TotalSeconds:0} s.");

        var disturbedOptions = ClusterOptions("disturbed", "d");
        var disk = kinds.Contains(FaultKind.DiskFull) ? SmallDisk.Mount(disturbedOptions.CheckpointRootOf(ChaosClusterOptions.NodeName(0)), ledger) : null;
        say($"Under {plan.Length} faults, seed {options.Seed}.");
        var second = new SweepRun(disturbedOptions, yaml, ledger, network, disk, say, clock);
        var disturbed = await second.RunAsync(plan, totalSteps, stop);
        ResultsFiles.Write(Path.Combine(options.Out, "disturbed"), disturbed.Results);

        return new ChaosResult(
            options, CommandText.ThisCommand(), CoordinatorHost.Version, ThisMachine.Describe(), startedAt, network is null ? "loopback" : "network namespaces",
            skipped, undisturbed, disturbed, second.Faults, second.Progress, Verdict.Of(undisturbed, disturbed, plan.Length, second.Faults.Length));

        ChaosClusterOptions ClusterOptions(string folder, string run) =>
            new(options.Nodes, Path.Combine(options.Out, folder), Path.Combine(scratch, run), options.DataRoot, options.Store, network);
    }

    /// <summary>Kinds that need what this machine does not give are left out, and said so; they are an error where they were asked for by name.</summary>
    private static (ImmutableArray<FaultKind> Kinds, ImmutableArray<string> Skipped) Allowed(ChaosOptions options, string scratch)
    {
        var obstacles = new Dictionary<FaultNeed, string?>
        {
            [FaultNeed.Nothing] = null,
            [FaultNeed.Mount] = options.Kinds.Contains(FaultKind.DiskFull) ? SmallDisk.Obstacle(Path.Combine(scratch, "probe")) : null,
            [FaultNeed.Network] = options.Kinds.Contains(FaultKind.LinkCut) ? NetworkNamespaces.Obstacle() : null,
        };
        var skipped = options.Kinds.Where(kind => obstacles[FaultKinds.Of(kind).Need] is not null).ToList();
        ImmutableArray<string> reasons = [.. skipped.Select(kind => $"{FaultKinds.NameOf(kind)}: {obstacles[FaultKinds.Of(kind).Need]}.")];
        if (skipped.Count > 0 && options.IsKindsGiven) throw new UserErrorException($"--faults-only: {string.Join(" ", reasons)}");
        return ([.. options.Kinds.Except(skipped)], reasons);
    }

    private static void DeleteWork(ChaosOptions options)
    {
        foreach (var folder in (string[])["undisturbed", "disturbed"])
            foreach (var part in (string[])["coordinator", "checkpoints", "logs"])
                if (Path.Combine(options.Out, folder, part) is var path && Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }
}

/// <summary>How long a node must be silent until the cluster gives it up, with room (DESIGN §10, <c>ClusterSettings</c>).</summary>
internal static class Detection
{
    /// <summary>Heartbeats pause 10 s at most, and an agent that says nothing for 15 s is not there.</summary>
    public static readonly TimeSpan OnLoopback = TimeSpan.FromSeconds(15);

    /// <summary>Heartbeats pause 3 s at most: unreachable in 4 to 5 s, removed in 10 to 12.</summary>
    public static readonly TimeSpan OnNetwork = TimeSpan.FromSeconds(7);
}

/// <summary>What figures are worth knowing about a machine beside what it measured.</summary>
internal static class ThisMachine
{
    public static string Describe()
    {
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown processor";
        var memory = File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return $"{model}, {Environment.ProcessorCount} cores, {long.Parse(memory) / (1 << 20)} GiB, Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, .NET {Environment.Version}";
    }
}

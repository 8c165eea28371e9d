using System.Reflection;
using System.Runtime.InteropServices;
using Volley.GpuNode.CheckpointCopies;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Link;
using Volley.GpuNode.Processes;
using Volley.GpuNode.Serving;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Agent;

/// <summary>Composition of one agent: directory, devices, supervisor, loop, membership; and in which order they end.</summary>
internal static class AgentProgram
{
    // Akka's timers live on the pool: a burst of work must not make a healthy node look dead (DESIGN §10).
    private const int PoolThreads = 64;

    // A local agent whose parent died needs this long at most to end its ranks.
    private static readonly TimeSpan PredecessorPatience = TimeSpan.FromSeconds(10);

    private static string Version { get; } =
        typeof(AgentProgram).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];   // without the commit

    /// <param name="say">Lines for the person who started it.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(JoinOptions options, Action<string> say)
    {
        ThreadPool.SetMinThreads(PoolThreads, PoolThreads);
        var time = TimeProvider.System;
        var isLocal = options.ParentPid is not null;
        using var logFile = AgentLog.Open(isLocal ? Path.Combine(options.LogDirectory, "agent.log") : null, time);
        using var logs = LoggerFactory.Create(builder => builder.AddProvider(logFile));
        var log = logs.CreateLogger("Volley.Agent");

        var devices = Inventory(options, line => log.LogWarning("{Gpu}", line));
        using var runDirectory = await RunDirectory.OpenAsync(options.RunDirectory, options.Name, isLocal ? PredecessorPatience : TimeSpan.Zero, time);
        await using var supervisor = await RankSupervisor.StartAsync(
            new SupervisorSettings(options.LogDirectory, options.DataRoot, Timeouts(options), time) { Host = options.Bind }, runDirectory, new RankLauncher(devices), logs);
        var roots = new AllowedRoots(CheckpointRoot(options), options.DataRoot);
        await using var http = await AgentHttpServer.StartAsync(
            new ServingSettings(options.Http, options.Bind, options.Name, Version, roots.CheckpointRoot, options.LogDirectory, supervisor.IsAlive, time), logs);
        using var fetcher = new CheckpointFetcher(new NodeId(options.Name), new FetchTimeouts(), time);
        if (roots.CheckpointRoot is { } root) fetcher.DeleteLeftovers(root);
        using var loop = new AgentLoop(Facts(options, devices, http.Address, time), supervisor, roots, fetcher, time, logs);
        loop.Registered += () => say($"{options.Name} has joined: {devices.Slots} {devices.Device} slots. Ctrl-C stops its ranks at their next step and leaves.");

        if (options.ParentPid is { } parent)
        {
            ParentWatch.Follow(parent, () =>
            {
                supervisor.KillAllAsync("The program that started this agent is gone.").Wait(TimeSpan.FromSeconds(5));
                runDirectory.Dispose();
                Posix.ExitNow(1);
            });
        }
        var signals = 0;
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);

        using var leaving = new CancellationTokenSource();
        using var directory = options.Coordinators.Count == 0 ? null : new CoordinatorDirectory(
            new DirectorySettings(options.Coordinators, options.ClusterName, Version), time, logs.CreateLogger<CoordinatorDirectory>());
        var membership = new ClusterMembership(new ClusterAddress(options.Bind, options.Port, options.Seeds), directory, loop, time, logs).RunAsync(leaving.Token);
        var life = loop.RunAsync();
        if (await Task.WhenAny(life, membership) == membership) await membership;       // no coordinator of this cluster is there
        var error = await life;
        await leaving.CancelAsync();
        await membership;
        if (error is null) return 0;
        throw new Shared.UserErrorException($"The coordinator refuses this agent: {error}");

        void OnSignal(PosixSignalContext signal)
        {
            signal.Cancel = true;
            // Ctrl-C in a terminal reaches every process in it: a local agent leaves the decision to the program that started it.
            if (signal.Signal == PosixSignal.SIGINT && isLocal) return;
            var isFirst = Interlocked.Increment(ref signals) == 1;
            say(isFirst
                ? $"Stopping: ranks finish their step, write a checkpoint and report, within {options.DrainTimeout.TotalSeconds} s. A second signal kills them."
                : "Asked again: ranks are killed; their trials go on from their last checkpoints.");
            loop.Post(new AgentInput.Leave(AtOnce: !isFirst));
        }
    }

    /// <summary>Made now, so that a root that cannot be used is told to whoever starts the agent, not to a trial hours later.</summary>
    private static string? CheckpointRoot(JoinOptions options)
    {
        if (options.CheckpointRoot is not { } root) return null;
        try
        {
            return Directory.CreateDirectory(root).FullName;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new Shared.UserErrorException($"--checkpoint-root {root}: cannot be made: {error.Message} Name a folder that this user may write.", error);
        }
    }

    private static LinkTimeouts Timeouts(JoinOptions options)
    {
        var timeouts = new LinkTimeouts();
        return timeouts with { Stop = options.DrainTimeout, Heartbeat = options.RankTimeout / timeouts.MissedHeartbeats };
    }

    private static DeviceInventory Inventory(JoinOptions options, Action<string> log)
    {
        IReadOnlyList<GpuDescription> gpus = [];
        if (options.Device != "cpu")
        {
            using var nvml = Nvml.TryOpen(log);
            gpus = nvml?.Gpus() ?? [];
        }
        return DeviceInventory.Resolve(options.Device, options.Slots, options.ThreadsPerSlot, Environment.ProcessorCount, gpus);
    }

    private static AgentFacts Facts(JoinOptions options, DeviceInventory devices, string httpAddress, TimeProvider time) => new(
        new NodeId(options.Name),
        time.GetUtcNow().ToUnixTimeMilliseconds(),
        options.Bind,
        devices.Slots,
        devices.ThreadsPerSlot,
        devices.Device,
        devices.MemoryBytes(Machine.MemoryBytes()),
        Version,
        Machine.Numerics(devices),
        httpAddress,
        Environment.ProcessId);
}

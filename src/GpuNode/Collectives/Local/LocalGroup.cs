using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Processes;

namespace Volley.GpuNode.Collectives.Local;

/// <summary>What a local group is to be.</summary>
/// <param name="Shards">S ≥ ranks.</param>
/// <param name="Body">One of <see cref="GroupBodies"/>.</param>
/// <param name="Argument">For the body; the same on every rank.</param>
internal sealed record LocalGroupPlan(int Ranks, int Shards, string Body, string Argument)
{
    public int Attempt { get; init; } = 1;

    public string PlanHash { get; init; } = "none";

    /// <summary>By position: ranks of different names do not use each other's memory, as if they were on several machines.</summary>
    public Func<int, string> MachineOf { get; init; } = _ => Machine.NodeName();

    public ImmutableDictionary<string, string> Environment { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>From the start of the processes to all of them listening.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>
/// A group of ranks without coordinator and agent: child processes of this one (<c>volley-node group-rank</c>), which say where they
/// listen, get their group on standard input, and die with this process. Benchmarks and tests of equality run on it.
/// </summary>
internal sealed class LocalGroup : IDisposable
{
    private readonly SpawnThread _spawner = new();
    private readonly List<LocalRank> _ranks = [];

    private LocalGroup()
    {
    }

    /// <summary>By position.</summary>
    public IReadOnlyList<LocalRank> Ranks => _ranks;

    /// <returns>When every rank has its order.</returns>
    /// <exception cref="Volley.Shared.UserErrorException">A rank could not start, for a reason that a person can put right.</exception>
    public static async Task<LocalGroup> StartAsync(LocalGroupPlan plan, CancellationToken cancellation)
    {
        var group = new LocalGroup();
        try
        {
            await group.StartRanksAsync(plan, cancellation);
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>Returns when all ranks have ended well.</summary>
    /// <exception cref="Volley.Shared.UserErrorException">The first one that ended because of bad input says what.</exception>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        var codes = await Task.WhenAll(_ranks.Select(rank => rank.Ended)).WaitAsync(cancellation);
        // A peer's end follows from the first cause: bad input is the better story, whoever met it.
        var failed = _ranks.Where(rank => codes[rank.Position] != 0).OrderBy(rank => codes[rank.Position] != Shared.UserErrorException.ExitCode).ToArray();
        if (failed.Length > 0) throw await failed[0].FailureAsync();
    }

    /// <summary>Kills what still runs.</summary>
    public void Dispose()
    {
        foreach (var rank in _ranks) rank.Dispose();
        _spawner.Dispose();
    }

    private async Task StartRanksAsync(LocalGroupPlan plan, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(plan.StartLimit);
        for (var position = 0; position < plan.Ranks; position++)
            _ranks.Add(new LocalRank(await _spawner.StartAsync(Command(plan)), position));
        var members = ImmutableArray.CreateBuilder<GroupMember>();
        try
        {
            foreach (var rank in _ranks)
                members.Add(new GroupMember(rank.Position, plan.MachineOf(rank.Position), "127.0.0.1", await rank.PortAsync(limit.Token), Step: -1));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new InvalidOperationException($"{plan.Ranks} ranks did not start within {plan.StartLimit.TotalSeconds} s; {members.Count} did.");
        }
        // Names segments and connections: two groups of this machine must not meet.
        var trial = string.Create(CultureInfo.InvariantCulture, $"local-{System.Environment.ProcessId}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
        var secret = RandomNumberGenerator.GetBytes(32);
        foreach (var rank in _ranks)
            await rank.SendAsync(new GroupOrder(trial, plan.Attempt, members.ToImmutable(), plan.Shards, plan.PlanHash, secret, rank.Position, plan.Body, plan.Argument).ToLine());
    }

    private static ProcessStartInfo Command(LocalGroupPlan plan)
    {
        // Beside this library: the program itself, or a test's copy of it.
        var command = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "volley-node"), ["group-rank", "--parent-pid", System.Environment.ProcessId.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in plan.Environment) command.Environment[name] = value;
        return command;
    }
}

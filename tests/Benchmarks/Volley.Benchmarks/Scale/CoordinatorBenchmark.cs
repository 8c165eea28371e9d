using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;

namespace Volley.Benchmarks.Scale;

/// <summary>
/// A real coordinator process with its SQLite journal, driven by protocol-level agents that do everything but train. Time is scaled, not shape: trials of
/// 0.1 s instead of 1 s ask ten times as much of the coordinator per second, with the same messages, journal writes and placements for each trial.
/// </summary>
internal static class CoordinatorBenchmark
{
    private const string Sweep = "scale";
    private const int SlotsPerAgent = 8;
    private const int Segments = 10;

    // So short that the slots of a whole fleet are under way before the measuring begins.
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MeasuredTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public static Command Command()
    {
        var trials = new Option<int>("--trials") { Description = "Trials of one sweep.", DefaultValueFactory = _ => 10_000 };
        var seconds = new Option<double>("--trial-seconds") { Description = "How long each runs.", DefaultValueFactory = _ => 0.1 };
        var slots = new Option<int>("--slots") { Description = "Slots that they run on, 8 to an agent.", DefaultValueFactory = _ => 16 };
        var agents = new Option<int>("--agents") { Description = "Agents of the large fleet, 8 slots each.", DefaultValueFactory = _ => 1_000 };
        var reports = new Option<int>("--reports") { Description = "Progress reports a second that its ranks send.", DefaultValueFactory = _ => 20_000 };
        var members = new Option<int>("--members") { Description = "Actor systems that the agents are spread over: real members of the cluster, e.g. --agents 20 --members 20.", DefaultValueFactory = _ => 4 };
        var program = new Option<string>("--volley") { Description = "The built program.", DefaultValueFactory = _ => DefaultProgram() };
        var json = new Option<bool>("--json") { Description = "One JSON object instead of Markdown." };
        var command = new Command("coordinator", "Overhead, placement, growth, recovery and intake of a real coordinator, e.g. coordinator --trials 1000 --agents 100") { trials, seconds, slots, agents, reports, members, program, json };
        command.SetAction(async (parse, _) => await RunAsync(
            parse.GetValue(program)!, parse.GetValue(trials), TimeSpan.FromSeconds(parse.GetValue(seconds)), parse.GetValue(slots), parse.GetValue(agents), parse.GetValue(reports), parse.GetValue(members), parse.GetValue(json)));
        return command;
    }

    private static async Task<int> RunAsync(string program, int trials, TimeSpan trialTime, int slots, int agents, int reportsPerSecond, int members, bool isJson)
    {
        ThreadPool.SetMinThreads(64, 64);
        var sweep = await MeasureSweepAsync(program, trials, trialTime, slots, members);
        var fleet = agents > 0 ? await MeasureFleetAsync(program, agents, reportsPerSecond, members) : null;
        if (isJson) Console.WriteLine(JsonSerializer.Serialize(new { sweep, fleet }, Json));
        else Print(sweep, fleet, trials, trialTime, slots, agents, members);
        return 0;
    }

    /// <summary>One sweep of short trials on few slots, and the recovery of its journal.</summary>
    private static async Task<SweepFigures> MeasureSweepAsync(string program, int trials, TimeSpan trialTime, int slots, int members)
    {
        var data = Directory.CreateTempSubdirectory("volley-scale-");
        try
        {
            List<Sample> samples = [];
            FleetFigures figures;
            await using (var coordinator = await CoordinatorProcess.StartAsync(program, data.FullName))
            {
                var cluster = await coordinator.ClusterAsync();
                await using var fleet = await AgentFleet.StartAsync(cluster, Math.Max(1, slots / SlotsPerAgent), Math.Min(slots, SlotsPerAgent), members, new RankPlan(trialTime, TimeSpan.FromSeconds(1)), cluster.Version);
                figures = fleet.Figures;
                await coordinator.SubmitAsync(Sweep, SweepText(trials));
                var start = Stopwatch.GetTimestamp();
                for (var segment = 0; segment <= Segments; segment++)
                {
                    var until = (long)trials * segment / Segments;
                    await WaitFor.ConditionAsync(() => figures.Finished >= until, Limit, () => $"{figures.Finished} of {trials} trials are finished");
                    if (segment == 1) figures.Refill.Clear();
                    samples.Add(new Sample(figures.Finished, Stopwatch.GetElapsedTime(start), coordinator.ProcessorTime, coordinator.MemoryBytes, figures.Messages));
                }
                // An exit of an attempt that was lost (a machine so busy that an agent is suspected) was counted too: the coordinator's word is the last.
                var told = await coordinator.SweepAsync(Sweep);
                for (; told.State != "finished"; told = await coordinator.SweepAsync(Sweep)) await Task.Delay(SettleTime);
                Verify(told.Finished == trials, $"the coordinator tells of {told.Finished} finished trials of {trials}");
                coordinator.Kill();
            }
            var (recovery, memory) = await MeasureRecoveryAsync(program, data.FullName, trials);
            return SweepFigures.Of(samples, figures, trials, slots, recovery, memory, new FileInfo(Path.Combine(data.FullName, "journal", "journal.db")).Length);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    /// <summary>After kill -9: from the program's start until it tells of the sweep again.</summary>
    private static async Task<(TimeSpan Recovery, long MemoryBytes)> MeasureRecoveryAsync(string program, string data, int trials)
    {
        var start = Stopwatch.GetTimestamp();
        await using var coordinator = await CoordinatorProcess.StartAsync(program, data);
        var told = await coordinator.SweepWhenRecoveredAsync(Sweep, Limit);
        var recovery = Stopwatch.GetElapsedTime(start);
        Verify(told.Finished == trials && told.State == "finished", $"after recovery the sweep is {told.State} with {told.Finished} finished trials of {trials}");
        return (recovery, coordinator.MemoryBytes);
    }

    /// <summary>Many agents join, fill every slot, and report.</summary>
    private static async Task<LargeFleetFigures> MeasureFleetAsync(string program, int agents, int reportsPerSecond, int members)
    {
        var data = Directory.CreateTempSubdirectory("volley-scale-");
        try
        {
            await using var coordinator = await CoordinatorProcess.StartAsync(program, data.FullName);
            var cluster = await coordinator.ClusterAsync();
            var slots = agents * SlotsPerAgent;
            var plan = new RankPlan(TimeSpan.FromHours(1), TimeSpan.FromSeconds((double)slots / reportsPerSecond));
            var start = Stopwatch.GetTimestamp();
            await using var fleet = await AgentFleet.StartAsync(cluster, agents, SlotsPerAgent, members, plan, cluster.Version);
            var joined = Stopwatch.GetElapsedTime(start);
            var known = await coordinator.SlotsAsync();
            Verify(known == slots, $"the coordinator knows {known} slots of {slots}");
            var idle = await ProcessorShareAsync(coordinator);

            start = Stopwatch.GetTimestamp();
            await coordinator.SubmitAsync(Sweep, SweepText(slots));
            await WaitFor.ConditionAsync(() => fleet.Figures.Launched >= slots, Limit, () => $"{fleet.Figures.Launched} of {slots} slots are filled");
            var filled = Stopwatch.GetElapsedTime(start);
            await Task.Delay(SettleTime);

            // A rank's report is an event of its sweep: the version tells how many the coordinator has taken in.
            var (before, sent, begin) = ((await coordinator.SweepAsync(Sweep)).Version, fleet.Figures.ProgressReports, Stopwatch.GetTimestamp());
            var share = await ProcessorShareAsync(coordinator);
            var (after, sentAfter, elapsed) = ((await coordinator.SweepAsync(Sweep)).Version, fleet.Figures.ProgressReports, Stopwatch.GetElapsedTime(begin));
            Verify(fleet.Figures.Launched >= slots, $"{fleet.Figures.Launched} ranks were launched on {slots} slots");
            return new LargeFleetFigures(
                agents, slots, joined.TotalSeconds, idle, filled.TotalSeconds, slots / filled.TotalSeconds,
                (sentAfter - sent) / elapsed.TotalSeconds, (after - before) / elapsed.TotalSeconds, share);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    /// <returns>Cores used over a few seconds.</returns>
    private static async Task<double> ProcessorShareAsync(CoordinatorProcess coordinator)
    {
        var (before, start) = (coordinator.ProcessorTime, Stopwatch.GetTimestamp());
        await Task.Delay(MeasuredTime);
        return (coordinator.ProcessorTime - before) / Stopwatch.GetElapsedTime(start);
    }

    private static void Print(SweepFigures sweep, LargeFleetFigures? fleet, int trials, TimeSpan trialTime, int slots, int agents, int members)
    {
        Machine.PrintHeader($"Coordinator: {trials:n0} trials of {trialTime.TotalSeconds:0.###} s on {slots} slots, {agents:n0} agents × {SlotsPerAgent} slots", usesTorch: false);
        Console.WriteLine("Agents and coordinator share this machine's cores. Verified: trials finished once each (by HTTP, also after recovery), ranks launched, slots known.");
        Console.WriteLine();
        Console.WriteLine("| what | measured | goal |");
        Console.WriteLine("|---|---|---|");
        Console.WriteLine($"| overhead over the time the trials take on {slots} slots | {sweep.Overhead:p1} ({sweep.Seconds:0.0} s for {sweep.BusySlotSeconds / slots:0.0} s; at 1 s a trial that is {sweep.Overhead * trialTime.TotalSeconds:p1}) | ≤ 5 % at 1 s a trial |");
        Console.WriteLine($"| attempts beyond one a trial | {sweep.RepeatedAttempts} | 0 on a quiet machine |");
        Console.WriteLine($"| a freed slot runs the next rank, after the first tenth, which warms up | {sweep.Refill} | p99 ≤ 50 ms |");
        Console.WriteLine($"| coordinator's processor time a trial, first and last tenth | {sweep.CpuMillisecondsPerTrialFirst:0.00} and {sweep.CpuMillisecondsPerTrialLast:0.00} ms | does not grow |");
        Console.WriteLine($"| the same for each message to or from an agent | {sweep.CpuMicrosecondsPerMessageFirst:0} and {sweep.CpuMicrosecondsPerMessageLast:0} µs | |");
        Console.WriteLine($"| memory for each finished trial | {sweep.BytesPerTrial:n0} bytes ({sweep.MemoryMegabytesFirst:0} → {sweep.MemoryMegabytesLast:0} MB) | ≤ 2,000 |");
        Console.WriteLine($"| journal for each trial | {sweep.JournalBytesPerTrial:n0} bytes | |");
        Console.WriteLine($"| kill -9, start, and the sweep is there again | {sweep.RecoverySeconds:0.0} s, {sweep.RecoveredMegabytes:0} MB | ≤ 5 s |");
        if (fleet is null) return;
        Console.WriteLine($"| {fleet.Agents:n0} agents with {fleet.Slots:n0} slots have joined, over {members} members | {fleet.JoinSeconds:0.0} s | |");
        Console.WriteLine($"| coordinator at rest with them | {fleet.IdleCores:0.00} cores | |");
        Console.WriteLine($"| every slot runs | {fleet.FillSeconds:0.0} s, {fleet.PlacementsPerSecond:n0} placements/s | |");
        Console.WriteLine($"| progress reports sent, and taken in | {fleet.ReportsSentPerSecond:n0}/s and {fleet.ReportsTakenPerSecond:n0}/s at {fleet.ReportingCores:0.00} cores | 20,000/s |");
    }

    private static string SweepText(int trials) => $$"""
        name: {{Sweep}}
        seed: 1
        search: { algorithm: random, max_trials: {{trials}} }
        train:
          dataset: { name: fashion-mnist }
          epochs: 1
          optimizer: { name: adamw, lr: { log_uniform: [1.0e-4, 1.0e-2] } }
          model: { name: resnet18, width: 8 }
        """;

    /// <summary>Beside this program, as everything is built.</summary>
    private static string DefaultProgram()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(own.Parent!.Parent!.FullName, "Coordinator", own.Name, "volley");
    }

    private static void Verify(bool holds, string otherwise)
    {
        if (!holds) throw new InvalidOperationException($"Not verified: {otherwise}.");
    }
}

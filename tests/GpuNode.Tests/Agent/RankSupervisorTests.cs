using System.Collections.Immutable;
using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.GpuNode.Processes;
using Volley.GpuNode.Tests.Link;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.GpuNode.Tests.Agent;

/// <summary>Shell scripts as ranks: they end, die, hang and ignore signals like real ones, in milliseconds.</summary>
public sealed class RankSupervisorTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ShortDirectory _directory = new();
    private readonly Events _events = new();
    private readonly ScriptLauncher _launcher = new();
    private RunDirectory _runDirectory = null!;
    private RankSupervisor _supervisor = null!;
    private LinkTimeouts _timeouts = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_supervisor is not null) await _supervisor.DisposeAsync();
        _runDirectory?.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task ARankThatEndsWithoutAWord_HasFailed_WithItsLastLines()
    {
        var exit = await RunAsync("echo first; echo the disk is on fire >&2; exit 7");
        Assert.Equal(RankEnd.Failed, exit.End);
        Assert.Contains("code 7", exit.Error);
        Assert.Equal(["first", "the disk is on fire"], exit.LastLogLines.Order());
        var log = await File.ReadAllTextAsync(Path.Combine(_directory.Path, "logs", "sweep", "0007.a1.r0.log"), TestContext.Current.CancellationToken);
        Assert.Contains("the disk is on fire", log);
    }

    [Fact]
    public async Task ARankThatIsKilledFromOutside_IsLost_AndItsSlotIsFreeOnlyThen()
    {
        await StartAsync("exec sleep 1000");
        var pid = await _events.NextPidAsync();
        Assert.Equal(1, _supervisor.Count);
        Assert.True(Posix.Signal(pid, Posix.SigKill));
        var exit = await _events.NextExitAsync();
        Assert.Equal(RankEnd.Lost, exit.End);
        Assert.Contains("signal 9", exit.Error);
        Assert.Null(ProcessIdentity.Of(pid));
        Assert.Equal(0, _supervisor.Count);
    }

    [Fact]
    public async Task ACrash_CountsAsTheTrialsOwnFailure()
    {
        var exit = await RunAsync("kill -SEGV $$");
        Assert.Equal(RankEnd.Failed, exit.End);
        Assert.Contains("SIGSEGV", exit.Error);
    }

    [Fact]
    public async Task AGracefulStopBeforeItHasWork_IsImmediate()
    {
        await StartAsync("trap '' TERM; exec sleep 1000");
        await _events.NextPidAsync();
        _supervisor.Stop(Samples.Key(), StopMode.Graceful);
        Assert.Equal(RankEnd.Stopped, (await _events.NextExitAsync()).End);
    }

    [Fact]
    public async Task AKill_EndsEvenWhatIgnoresSigterm()
    {
        await StartAsync("trap '' TERM; exec sleep 1000");
        await _events.NextPidAsync();
        _supervisor.Stop(Samples.Key(), StopMode.Kill);
        Assert.Equal(RankEnd.Lost, (await _events.NextExitAsync()).End);
    }

    [Fact]
    public async Task ARankThatNeverAttaches_IsKilled_AndSaysWhy()
    {
        _timeouts = new LinkTimeouts { Connect = TimeSpan.FromMilliseconds(200) };
        var exit = await RunAsync("exec sleep 1000");
        Assert.Equal(RankEnd.Lost, exit.End);
        Assert.Contains("did not attach", exit.Error);
    }

    [Fact]
    public async Task AProgramThatIsNotThere_IsAnExit_NotAnException()
    {
        _launcher.Program = "/nonexistent/volley-node";
        var exit = await RunAsync("");
        Assert.Equal(RankEnd.Lost, exit.End);
        Assert.Contains("could not be started", exit.Error);
    }

    [Fact]
    public async Task ADescendantThatKeepsThePipe_DoesNotHoldUpTheExit()
    {
        _timeouts = new LinkTimeouts { Drain = TimeSpan.FromMilliseconds(100) };
        await StartAsync("sleep 1000 & echo $!; exit 0");
        var exit = await _events.NextExitAsync();
        Assert.Equal(RankEnd.Failed, exit.End);
        Assert.True(Posix.Signal(int.Parse(Assert.Single(exit.LastLogLines)), Posix.SigKill));
    }

    [Fact]
    public async Task TheSecret_TravelsOnStandardInput_AndNotInArgumentsOrEnvironment()
    {
        var exit = await RunAsync("read s; tr '\\0' '\\n' < /proc/$$/cmdline | grep -c \"$s\"; tr '\\0' '\\n' < /proc/$$/environ | grep -c \"$s\"; echo ${#s}");
        Assert.Equal(["0", "0", "64"], exit.LastLogLines);
    }

    [Fact]
    public async Task OrphansOfAKilledAgent_AreEnded_OnlyIfProvenToBeThem()
    {
        using var orphan = Process.Start("/bin/sleep", "1000");
        using var bystander = Process.Start("/bin/sleep", "1000");
        try
        {
            var left = RunDirectory.Open(_directory.Path, "n1");
            var ranks = Path.Combine(left.Path, "ranks");
            left.Record(Samples.Key(attempt: 1), ProcessIdentity.Of(orphan.Id)!);
            // The same number, but it started at another time: somebody else by now.
            left.Record(Samples.Key(attempt: 2), ProcessIdentity.Of(bystander.Id)! with { StartTicks = 1 });
            await File.WriteAllTextAsync(Path.Combine(ranks, "half.json"), "{\"Pid\":", TestContext.Current.CancellationToken);
            CutLock(left);

            _runDirectory = RunDirectory.Open(_directory.Path, "n1");
            Assert.Equal(1, _runDirectory.EndOrphans(_ => { }));
            await orphan.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.False(bystander.HasExited);
            Assert.Empty(Directory.EnumerateFiles(ranks));
        }
        finally
        {
            if (!orphan.HasExited) orphan.Kill();
            bystander.Kill();
        }
    }

    /// <summary>What the kernel does with a killed agent's lock: it is gone, the files are not.</summary>
    private static void CutLock(RunDirectory directory) =>
        ((FileStream)typeof(RunDirectory).GetField("_lock", System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance)!.GetValue(directory)!).Dispose();

    private async Task<RankExit> RunAsync(string script)
    {
        await StartAsync(script);
        return await _events.NextExitAsync();
    }

    private async Task StartAsync(string script)
    {
        _launcher.Script = script;
        _runDirectory = RunDirectory.Open(_directory.Path, "n1");
        _supervisor = await RankSupervisor.StartAsync(
            new SupervisorSettings(Path.Combine(_directory.Path, "logs"), _directory.Path, _timeouts, TimeProvider.System), _runDirectory, _launcher, NullLoggerFactory.Instance);
        _supervisor.Start(Samples.Start(), [0], [], _events);
    }

    private sealed class ScriptLauncher : IRankLauncher
    {
        public string Program { get; set; } = "/bin/sh";

        public string Script { get; set; } = "";

        public ProcessStartInfo CommandFor(RankKey key, string socketPath, IReadOnlyList<int> slots) => new(Program, ["-c", Script]);
    }

    private sealed class Events : IRankEvents
    {
        private readonly Channel<int> _pids = Channel.CreateUnbounded<int>();
        private readonly Channel<RankExit> _exits = Channel.CreateUnbounded<RankExit>();

        public Task<int> NextPidAsync() => _pids.Reader.ReadAsync().AsTask().WaitAsync(Patience);

        public Task<RankExit> NextExitAsync() => _exits.Reader.ReadAsync().AsTask().WaitAsync(Patience);

        public void OnStarted(RankKey key, int pid) => _pids.Writer.TryWrite(pid);

        public void OnProgress(ProgressReport progress) { }

        public void OnEpoch(RankKey key, EpochMetrics epoch) { }

        public void OnCheckpoint(RankKey key, CheckpointReport checkpoint) { }

        public void OnGroupReady(RankKey key, GroupAddress address) { }

        public void OnPeerLost(RankKey key, ImmutableArray<int> lost, long step, string reason) { }

        public void OnExited(RankKey key, RankExit exit) => _exits.Writer.TryWrite(exit);
    }
}

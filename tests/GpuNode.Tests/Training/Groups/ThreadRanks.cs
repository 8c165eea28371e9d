using Volley.GpuNode.Collectives;
using Volley.GpuNode.Training;
using Volley.GpuNode.Training.Groups;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Training.Groups;

/// <summary>
/// Forms groups of ranks that are threads of one process, as a coordinator would over the network: the members of each attempt are told
/// beforehand, and a group stands when all of them are there. torch has one random generator for all threads: no dropout, no Poisson.
/// </summary>
/// <param name="attempts">Ranks of attempt 1, 2, ….</param>
internal sealed class ThreadRanks(int shards, params int[][] attempts)
{
    private readonly object _gate = new();
    private readonly Dictionary<int, (HashSet<int> Ready, ICollective[]? Group)> _forming = [];
    private readonly HashSet<int> _announced = [1];
    private readonly HashSet<(int Rank, int FirstAttempt)> _built = [];

    /// <summary>(rank, attempt, step it came with), in the order of coming.</summary>
    public List<(int Rank, int Attempt, long Step)> Ready { get; } = [];

    /// <summary>Every rank of the attempt before is asked to leave for this one.</summary>
    public void Announce(int attempt)
    {
        lock (_gate)
        {
            _announced.Add(attempt);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Initial weights come from the one generator of the process: networks are built one after the other.</summary>
    public void WaitUntilBuilt(int rank, int firstAttempt, Func<bool> hasEnded)
    {
        lock (_gate)
            while (!_built.Contains((rank, firstAttempt)) && !hasEnded()) Monitor.Wait(_gate, TimeSpan.FromMilliseconds(20));
    }

    public ITrialRanks Of(int rank, int firstAttempt = 1) => new Seat(this, rank, firstAttempt);

    private sealed class Seat(ThreadRanks all, int rank, int firstAttempt) : ITrialRanks
    {
        private int _last = firstAttempt - 1;

        public int Attempt { get { lock (all._gate) return all._announced.Max(); } }

        public bool IsNewerWanted => Attempt > _last;

        public RankGroup? Form(long step, string planHash, CancellationToken stop)
        {
            using var wake = stop.Register(() => { lock (all._gate) Monitor.PulseAll(all._gate); });
            lock (all._gate)
            {
                all._built.Add((rank, firstAttempt));
                Monitor.PulseAll(all._gate);
                while (!all._announced.Contains(_last + 1))
                {
                    if (stop.IsCancellationRequested) return null;
                    Monitor.Wait(all._gate);
                }
                var attempt = ++_last;
                var members = attempts(all)[attempt - 1];
                if (!all._forming.TryGetValue(attempt, out var forming)) all._forming[attempt] = forming = ([], MemoryCollective.CreateGroup(ShardAssignment.Even(all.Shards, members.Length)));
                forming.Ready.Add(rank);
                all.Ready.Add((rank, attempt, step));
                Monitor.PulseAll(all._gate);
                while (forming.Ready.Count < members.Length)
                {
                    if (stop.IsCancellationRequested) return null;
                    Monitor.Wait(all._gate);
                }
                var position = Array.IndexOf(members, rank);
                return new RankGroup(attempt, position, [.. members.Select(number => new GroupMember(number, "here", "127.0.0.1", 1, -1))], forming.Group![position]);
            }
        }

        /// <summary>A loss announces the next attempt, as a coordinator would.</summary>
        public void Lost(PeerLostException lost, long step) => all.Announce(_last + 1);

        private static int[][] attempts(ThreadRanks all) => all.Attempts;
    }

    private int[][] Attempts => attempts;

    private int Shards => shards;

    /// <summary>Trials whose forward draws nothing from torch's generator.</summary>
    public static TrialSpec Spec(string family, int shards, Func<TrainingSpec, TrainingSpec>? change = null)
    {
        var spec = TinyTrial.Of(family, train =>
        {
            ModelSpec model = train.Model switch
            {
                ResNetSpec m => m with { Dropout = 0 },
                VitSpec m => m with { Dropout = 0, DropPath = 0 },
                SdtSpec m => m with { Dropout = 0, DropPath = 0, Encoder = "direct" },
                SpikformerSpec m => m with { Dropout = 0, DropPath = 0 },
                var other => other,
            };
            train = train with { Model = model };
            return change is null ? train : change(train);
        });
        return spec with { Resources = new ResourcesSpec { Ranks = shards } };
    }
}

/// <summary>One rank of a trial, on a thread of its own.</summary>
internal sealed class ThreadRank
{
    private readonly Thread _thread;
    private Exception? _failure;
    private TrialRunResult? _result;

    public ThreadRank(TrialSpec spec, ITrialRanks ranks, TrialDirectories directories, ITrialObserver observer, TrialRunOptions? options = null, CancellationTokenSource? stop = null)
    {
        _thread = new Thread(() =>
        {
            try
            {
                _result = TrialRunner.Run(spec, ranks, directories, (options ?? new TrialRunOptions()) with { LatencyBudget = TimeSpan.Zero }, observer, stop?.Token ?? CancellationToken.None);
            }
            catch (Exception failure)
            {
                _failure = failure;
            }
        });
        _thread.Start();
    }

    public bool HasEnded => !_thread.IsAlive;

    public TrialRunResult Result()
    {
        Assert.True(_thread.Join(TimeSpan.FromSeconds(120)), "the rank hangs");
        if (_failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
        return _result!;
    }

    public Exception? Failure()
    {
        Assert.True(_thread.Join(TimeSpan.FromSeconds(120)), "the rank hangs");
        return _failure;
    }
}

using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>
/// Runs the shards of a rank layer by layer: each on a thread of its own, one at a time. A shard runs until it needs a sum over all shards,
/// then it is the next one's turn; when the last has come there, the sum is made and the first goes on with it.
/// </summary>
/// <remarks>torch's generator is global: what a shard drew from it is kept while others run.</remarks>
internal sealed class LockstepShards : IDisposable
{
    private readonly int _count;
    private readonly Action<int> _enter;
    private readonly Func<double[][], double[]> _sum;
    private readonly SemaphoreSlim[] _turns;
    private readonly double[][] _numbers;
    private readonly Tensor?[] _generators;
    private readonly bool[] _isFinished;
    private readonly ManualResetEventSlim _allFinished = new();
    private double[] _total = [];
    private ExceptionDispatchInfo? _failure;

    private LockstepShards(int count, Action<int> enter, Func<double[][], double[]> sum)
    {
        (_count, _enter, _sum) = (count, enter, sum);
        _turns = [.. Enumerable.Range(0, count).Select(_ => new SemaphoreSlim(0))];
        (_numbers, _generators, _isFinished) = (new double[count][], new Tensor?[count], new bool[count]);
    }

    /// <param name="count">Shards. Each calls for as many sums as the others, in the same order.</param>
    /// <param name="enter">Called whenever it becomes shard i's turn.</param>
    /// <param name="body">Shard i; its second argument gives the sum of what every shard gave.</param>
    /// <param name="sum">Of what shards 0, 1, … gave.</param>
    /// <exception cref="Exception">The first failure of any; the others have ended too.</exception>
    public static void Run(int count, Action<int> enter, Action<int, Func<double[], double[]>> body, Func<double[][], double[]> sum)
    {
        using var shards = new LockstepShards(count, enter, sum);
        var threads = Enumerable.Range(1, count - 1).Select(shard => new Thread(() => shards.RunOne(shard, body)) { IsBackground = true, Name = $"shard {shard}" }).ToArray();
        foreach (var thread in threads) thread.Start();
        shards._turns[0].Release();
        shards.RunOne(0, body);
        shards._allFinished.Wait();
        foreach (var thread in threads) thread.Join();
        shards._failure?.Throw();
    }

    public void Dispose()
    {
        foreach (var turn in _turns) turn.Dispose();
        foreach (var generator in _generators) generator?.Dispose();
        _allFinished.Dispose();
    }

    private void RunOne(int shard, Action<int, Func<double[], double[]>> body)
    {
        try
        {
            Await(shard);
            body(shard, numbers => Sum(shard, numbers));
        }
#pragma warning disable CA1031 // it belongs to the thread that called Run
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _failure ??= ExceptionDispatchInfo.Capture(failure);
        }
        finally
        {
            _isFinished[shard] = true;
            PassOn(shard);
        }
    }

    private double[] Sum(int shard, double[] numbers)
    {
        _failure?.Throw();
        _numbers[shard] = numbers;
        if (shard == _count - 1)
        {
            try
            {
                _total = _sum(_numbers);
            }
#pragma warning disable CA1031 // every shard gets it, this one below
            catch (Exception failure)
#pragma warning restore CA1031
            {
                _failure ??= ExceptionDispatchInfo.Capture(failure);
            }
        }
        if (_count > 1)
        {
            using var state = random.get_rng_state();
            _generators[shard]?.Dispose();
            _generators[shard] = state.clone().DetachFromDisposeScope();
            PassOn(shard);
            Await(shard);
        }
        _failure?.Throw();
        return _total;
    }

    private void Await(int shard)
    {
        _turns[shard].Wait();
        if (_generators[shard] is { } state)
        {
            random.set_rng_state(state);
            state.Dispose();
            _generators[shard] = null;
        }
        _enter(shard);
    }

    private void PassOn(int shard)
    {
        for (var step = 1; step <= _count; step++)
        {
            var next = (shard + step) % _count;
            if (_isFinished[next]) continue;
            _turns[next].Release();
            return;
        }
        _allFinished.Set();
    }
}

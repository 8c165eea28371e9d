using System.Runtime.ExceptionServices;

namespace Volley.GpuNode.Data;

/// <summary>Makes batches ahead of their use on threads of its own, into a ring of buffers, and hands them out in order.</summary>
/// <remarks>
/// Batch i goes into buffer i mod R. A worker may fill it once batch i − R has been given back, the consumer may take it once it is
/// filled: both wait on one monitor, a few times per batch. What a batch holds depends on its plan alone, so neither the number
/// of workers nor their speed shows in it. Threads of its own, because the pool belongs to others.
/// </remarks>
internal sealed class Prefetcher : IDisposable
{
    private readonly object _gate = new();
    private readonly Func<int, BatchPlan> _plan;
    private readonly int _batches;
    private readonly BatchBuffer[] _ring;
    private readonly ImageBatch?[] _filled;
    private readonly Thread[] _workers;
    private int _nextToMake;
    private int _givenBack;
    private bool _stopping;
    private ExceptionDispatchInfo? _failure;

    /// <param name="plan">Of batch i; called from any worker.</param>
    /// <param name="makers">One per worker: a maker has scratch memory and is used by one thread.</param>
    /// <param name="ring">At least 2, so that one is made while another is used. Borrowed until <see cref="Dispose"/>.</param>
    public Prefetcher(Func<int, BatchPlan> plan, int batches, IReadOnlyList<IBatchMaker> makers, BatchBuffer[] ring)
    {
        (_plan, _batches, _ring) = (plan, batches, ring);
        _filled = new ImageBatch?[ring.Length];
        _workers = [.. makers.Select((maker, number) => new Thread(() => Work(maker)) { IsBackground = true, Name = $"batches {number}" })];
        foreach (var worker in _workers) worker.Start();
    }

    /// <summary>Hands out every batch; each is valid until the next one is asked for.</summary>
    public IEnumerable<ImageBatch> Take(CancellationToken stop)
    {
        using var wake = stop.Register(() => { lock (_gate) Monitor.PulseAll(_gate); });
        for (var batch = 0; batch < _batches; batch++)
        {
            yield return WaitFor(batch, stop);
            GiveBack(batch);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var worker in _workers) worker.Join();
    }

    private ImageBatch WaitFor(int batch, CancellationToken stop)
    {
        var slot = batch % _ring.Length;
        lock (_gate)
        {
            while (_filled[slot] is null)
            {
                stop.ThrowIfCancellationRequested();
                _failure?.Throw();
                Monitor.Wait(_gate);
            }
            stop.ThrowIfCancellationRequested();
            return _filled[slot]!;
        }
    }

    private void GiveBack(int batch)
    {
        lock (_gate)
        {
            _filled[batch % _ring.Length] = null;
            _givenBack = batch + 1;
            Monitor.PulseAll(_gate);
        }
    }

    private void Work(IBatchMaker maker)
    {
        try
        {
            while (NextToMake() is { } batch)
            {
                var slot = batch % _ring.Length;
                var made = maker.Make(_plan(batch), _ring[slot]);
                lock (_gate)
                {
                    _filled[slot] = made;
                    Monitor.PulseAll(_gate);
                }
            }
        }
        catch (Exception failure)
        {
            // Thrown again where the batch is awaited: a worker has nobody to tell.
            lock (_gate)
            {
                _failure ??= ExceptionDispatchInfo.Capture(failure);
                _stopping = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private int? NextToMake()
    {
        lock (_gate)
        {
            while (!_stopping && _nextToMake < _batches && _nextToMake >= _givenBack + _ring.Length) Monitor.Wait(_gate);
            return _stopping || _nextToMake >= _batches ? null : _nextToMake++;
        }
    }
}

using Volley.GpuNode.Link.Wire;

namespace Volley.GpuNode.Link;

/// <summary>What a rank has to say, in order. Progress and heartbeats that wait are replaced by newer ones, so a slow agent costs no memory.</summary>
internal sealed class Outbox : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<FromRank> _reports = new();
    private readonly SemaphoreSlim _available = new(0);
    private FromRank? _progress;
    private FromRank? _heartbeat;
    private bool _isComplete;

    public void Add(FromRank message)
    {
        lock (_lock)
        {
            if (_isComplete) return;
            switch (message.MessageCase)
            {
                case FromRank.MessageOneofCase.Progress: _progress = message; break;
                case FromRank.MessageOneofCase.Heartbeat: _heartbeat = message; break;
                default:
                    // Progress from before an epoch's end must not arrive after it.
                    if (_progress is not null) _reports.Enqueue(_progress);
                    _progress = null;
                    _reports.Enqueue(message);
                    break;
            }
        }
        _available.Release();
    }

    /// <summary>What is inside is still given out; nothing more is taken in.</summary>
    public void Complete()
    {
        lock (_lock) _isComplete = true;
        _available.Release();
    }

    /// <returns>Null: complete and empty.</returns>
    public async Task<FromRank?> TakeAsync()
    {
        while (true)
        {
            await _available.WaitAsync();
            lock (_lock)
            {
                if (_reports.TryDequeue(out var report)) return report;
                if (_progress is { } progress) { _progress = null; return progress; }
                if (_heartbeat is { } heartbeat) { _heartbeat = null; return heartbeat; }
                if (_isComplete) return null;
            }
        }
    }

    public void Dispose() => _available.Dispose();
}

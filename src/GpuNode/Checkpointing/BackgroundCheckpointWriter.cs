using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Volley.GpuNode.Training;

namespace Volley.GpuNode.Checkpointing;

/// <summary>Writes one checkpoint at a time on a thread of its own, so that training does not wait for the disk.</summary>
/// <remarks>A snapshot's memory is reused: take the next one only after <see cref="WaitUntilIdle"/>.</remarks>
public sealed class BackgroundCheckpointWriter : IDisposable
{
    private readonly BlockingCollection<CheckpointContent> _queue = new(boundedCapacity: 1);
    private readonly ManualResetEventSlim _idle = new(initialState: true);
    private readonly Func<CheckpointContent, WrittenCheckpoint> _write;
    private readonly Action<WrittenCheckpoint> _written;
    private readonly Action<CheckpointWriteException> _refused;
    private readonly Thread _thread;
    private CheckpointWriteException? _lastRefusal;
    private ExceptionDispatchInfo? _broken;

    /// <param name="write">Puts it on disk.</param>
    /// <param name="written">Told after each success, on the writer's thread, before the writer counts as idle.</param>
    /// <param name="refused">Told when the disk refuses: training goes on, the newest checkpoint stays the one before.</param>
    public BackgroundCheckpointWriter(
        Func<CheckpointContent, WrittenCheckpoint> write, Action<WrittenCheckpoint> written, Action<CheckpointWriteException> refused)
    {
        _write = write;
        _written = written;
        _refused = refused;
        _thread = new Thread(WriteUntilTold) { Name = "checkpoint writer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The newest one that is on disk. Read it after <see cref="WaitUntilIdle"/>.</summary>
    public WrittenCheckpoint? Last { get; private set; }

    /// <summary>Returns when nothing is being written.</summary>
    public void WaitUntilIdle()
    {
        _idle.Wait();
        _broken?.Throw();
    }

    /// <summary>Waits for the one before, then hands over and returns.</summary>
    public void Submit(CheckpointContent content)
    {
        WaitUntilIdle();
        _idle.Reset();
        _queue.Add(content);
    }

    /// <summary>Waits, and throws if the newest submitted checkpoint is not on disk.</summary>
    /// <exception cref="CheckpointWriteException">The disk refused it.</exception>
    public WrittenCheckpoint? Finish()
    {
        WaitUntilIdle();
        if (_lastRefusal is not null) throw _lastRefusal;
        return Last;
    }

    /// <summary>Waits for what is being written.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        _thread.Join();
        _queue.Dispose();
        _idle.Dispose();
    }

    private void WriteUntilTold()
    {
        foreach (var content in _queue.GetConsumingEnumerable())
        {
            try
            {
                _lastRefusal = null;
                Last = _write(content);
                _written(Last);
            }
            catch (CheckpointWriteException refused)
            {
                _lastRefusal = refused;
                _refused(refused);
            }
            catch (Exception bug)
            {
                // Nobody awaits this thread: the training thread rethrows it at its next call.
                _broken = ExceptionDispatchInfo.Capture(bug);
            }
            finally
            {
                _idle.Set();
            }
        }
    }
}

using System.Runtime.ExceptionServices;

namespace Volley.GpuNode.Collectives;

/// <summary>
/// Runs a collective's operations one after the other, in the order in which they were begun, on an exchange thread; or on the thread
/// that waits for one which the exchange thread has not reached yet: handing it over and back would cost two wake-ups (5–50 µs each on a
/// virtual machine), more than a small operation takes.
/// </summary>
/// <remarks>
/// An operation whose own part could be published at once (<see cref="Begin"/>) holds nobody up, so it wakes no thread: whoever waits
/// for it finishes it, or the exchange thread where another operation follows. The first failure is final.
/// </remarks>
internal sealed class OperationQueue
{
    private readonly object _gate = new();   // Monitor's wait and pulse: System.Threading.Lock has none
    private readonly Queue<Work> _works = new();
    private readonly Action<Operation> _execute;
    private readonly Action<Exception> _onFailure;
    private readonly Thread _thread;
    private Exception? _failure;
    private bool _isRunning;
    private bool _isClosed;
    private int _waiting;

    /// <param name="execute">Does all of an operation; blocks; throws where the group is over.</param>
    /// <param name="onFailure">Called once, from any thread: makes <paramref name="execute"/> throw soon, here and on the peers.</param>
    public OperationQueue(string name, Action<Operation> execute, Action<Exception> onFailure)
    {
        (_execute, _onFailure) = (execute, onFailure);
        _thread = new Thread(RunExchange) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Set once, for ever.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <param name="tryPublish">Called here and now where nothing is under way: does this rank's non-blocking part, or declines.</param>
    public ICollectiveWork Begin(Operation operation, Func<Operation, bool>? tryPublish = null)
    {
        var work = new Work(this, operation);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (_failure is not null)
            {
                work.IsFailed = work.IsDone = true;
                return work;
            }
            _works.Enqueue(work);
            if (tryPublish is null || _works.Count > 1)
            {
                Monitor.PulseAll(_gate);
                return work;
            }
            _isRunning = true;
        }
        var isPublished = false;
        try
        {
            isPublished = tryPublish(operation);
        }
        catch (Exception error)
        {
            Fail(error);
        }
        lock (_gate)
        {
            _isRunning = false;
            work.IsLeftToCaller = isPublished;
            if (_failure is not null) FailWaiting();
            else if (!isPublished) Monitor.PulseAll(_gate);
        }
        return work;
    }

    /// <summary>Ends the group for this rank, unless it has ended already. Any thread.</summary>
    /// <returns>The failure that stands: this one, or the first.</returns>
    public Exception Fail(Exception failure)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is { } first) return first;
        _onFailure(failure);
        lock (_gate)
        {
            if (!_isRunning) FailWaiting();
        }
        return failure;
    }

    /// <summary>Of the operation under way or next, for messages; null: none.</summary>
    public Operation? Current
    {
        get
        {
            lock (_gate) return _works.TryPeek(out var head) ? head.Operation : null;
        }
    }

    /// <summary>Ends the exchange thread; what has not ended fails.</summary>
    /// <param name="unfinished">Why, where something has not.</param>
    public void Close(Func<Operation, Exception> unfinished)
    {
        Operation? open;
        lock (_gate)
        {
            _isClosed = true;
            open = _works.TryPeek(out var head) ? head.Operation : null;
            Monitor.PulseAll(_gate);
        }
        if (open is not null) Fail(unfinished(open));
        _thread.Join();
        lock (_gate)
        {
            while (_isRunning) Monitor.Wait(_gate);   // on a thread that waits for it
        }
    }

    private void RunExchange()
    {
        while (true)
        {
            Work work;
            lock (_gate)
            {
                // One that is left to its caller is taken when another one has to follow it.
                while (_isRunning || _works.Count == 0 || (_works.Count == 1 && _works.Peek().IsLeftToCaller))
                {
                    if (_isClosed && _failure is not null) return;
                    if (_isClosed && _works.Count == 0) return;
                    Monitor.Wait(_gate);
                }
                work = Claim();
            }
            Run(work);
        }
    }

    private void Wait(Work work)
    {
        while (true)
        {
            Work head;
            lock (_gate)
            {
                _waiting++;
                while (!work.IsDone && (_isRunning || _works.Count == 0)) Monitor.Wait(_gate);
                _waiting--;
                if (work.IsDone) break;
                head = Claim();
            }
            Run(head);
        }
        if (work.IsFailed) ExceptionDispatchInfo.Throw(_failure!);
    }

    private void Hurry(Work work)
    {
        lock (_gate)
        {
            if (!work.IsLeftToCaller) return;
            work.IsLeftToCaller = false;
            Monitor.PulseAll(_gate);
        }
    }

    private Work Claim()
    {
        _isRunning = true;
        return _works.Peek();
    }

    private void Run(Work work)
    {
        var isFailed = false;
        try
        {
            if (Failure is null) _execute(work.Operation);
            else isFailed = true;
        }
        catch (Exception error)
        {
            Fail(error);   // kept, and thrown to whoever waits
            isFailed = true;
        }
        lock (_gate)
        {
            _works.Dequeue();
            work.IsFailed = isFailed;
            work.IsDone = true;
            _isRunning = false;
            if (_failure is not null) FailWaiting();
            // Most often it is the caller that ran it: then nobody waits, and waking the exchange thread would only take its core.
            if (_works.Count > 0 || _waiting > 0 || _isClosed) Monitor.PulseAll(_gate);
        }
    }

    private void FailWaiting()
    {
        foreach (var work in _works) work.IsFailed = work.IsDone = true;
        _works.Clear();
        Monitor.PulseAll(_gate);
    }

    private sealed class Work(OperationQueue queue, Operation operation) : ICollectiveWork
    {
        private volatile bool _isDone;

        public Operation Operation => operation;

        public bool IsLeftToCaller { get; set; }

        public bool IsFailed { get; set; }

        public bool IsDone { get => _isDone; set => _isDone = value; }

        bool ICollectiveWork.IsDone
        {
            get
            {
                // Who asks does not wait: then the exchange thread has to finish it.
                if (!_isDone) queue.Hurry(this);
                return _isDone;
            }
        }

        public void Wait() => queue.Wait(this);
    }
}

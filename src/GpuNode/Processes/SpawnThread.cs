using System.Collections.Concurrent;
using System.Diagnostics;

namespace Volley.GpuNode.Processes;

/// <summary>
/// Starts child processes from one thread that lives as long as this object: <c>PR_SET_PDEATHSIG</c> follows the <em>thread</em> that
/// spawned a child, so a child spawned from the pool would be killed when the pool shrinks (DESIGN §2).
/// </summary>
internal sealed class SpawnThread : IDisposable
{
    private readonly BlockingCollection<Action> _requests = [];
    private readonly Thread _thread;

    public SpawnThread()
    {
        _thread = new Thread(() =>
        {
            foreach (var request in _requests.GetConsumingEnumerable()) request();
        })
        { IsBackground = true, Name = "spawn" };
        _thread.Start();
    }

    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be started.</exception>
    public Task<Process> StartAsync(ProcessStartInfo command)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _requests.Add(() =>
        {
            try { started.SetResult(Process.Start(command)!); }
            catch (Exception error) { started.SetException(error); }
        });
        return started.Task;
    }

    /// <summary>Ends the thread, and with it every child that asked to die with it.</summary>
    public void Dispose()
    {
        _requests.CompleteAdding();
        _thread.Join();
        _requests.Dispose();
    }
}

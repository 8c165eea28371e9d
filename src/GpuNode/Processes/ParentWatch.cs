using Volley.Shared;

namespace Volley.GpuNode.Processes;

/// <summary>Ends this process when its parent is gone, however the parent died.</summary>
internal static class ParentWatch
{
    // Only where the kernel has no pidfd: a parent's death is then seen this late.
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// For ranks. The kernel kills this process with the thread that spawned it, so the parent spawns from one that lives as long as
    /// itself (<see cref="SpawnThread"/>). Returns once that holds; from then on no window is left.
    /// </summary>
    /// <exception cref="UserErrorException">The parent was gone before it could hold, or is another one.</exception>
    public static void DieWith(int parentPid)
    {
        using var ready = new ManualResetEventSlim();
        Exception? failure = null;
        // The request belongs to the thread that makes it, too: this one never ends.
        var thread = new Thread(() =>
        {
            try { Posix.DieWithParentThread(); }
            catch (Exception error) { failure = error; }
            ready.Set();
            if (failure is null) Thread.CurrentThread.Join();   // for ever
        })
        { IsBackground = true, Name = "parent watch" };
        thread.Start();
        ready.Wait();
        if (failure is not null) throw new InvalidOperationException("This process could not be tied to its agent.", failure);
        RequireParent(parentPid);
    }

    /// <summary>
    /// For agents of <c>volley run</c>: follows the parent process, not the thread that spawned this one, and leaves time to clean up.
    /// </summary>
    /// <param name="onGone">Called once, on a thread of its own.</param>
    /// <exception cref="UserErrorException">The parent is gone already, or is another one.</exception>
    public static void Follow(int parentPid, Action onGone)
    {
        var descriptor = Posix.OpenPid(parentPid);
        RequireParent(parentPid);
        new Thread(() =>
        {
            while (Posix.ParentPid() == parentPid)
            {
                if (descriptor >= 0) Posix.WaitReadable(descriptor, Timeout.InfiniteTimeSpan);
                else Thread.CurrentThread.Join(PollPeriod);
            }
            onGone();
        })
        { IsBackground = true, Name = "parent watch" }.Start();
    }

    private static void RequireParent(int parentPid)
    {
        var found = Posix.ParentPid();
        if (found != parentPid)
            throw new UserErrorException($"The process that should have started this one ({parentPid}) is not its parent (that is {found}): it has ended, or --parent-pid is wrong.");
    }
}

using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Volley.GpuNode.Processes;

/// <summary>The few system calls about processes that .NET does not offer. Linux only.</summary>
internal static partial class Posix
{
    public const int SigKill = 9;
    public const int SigTerm = 15;

    /// <summary>Asks the kernel to kill this process when the thread that spawned it ends, however that happens.</summary>
    /// <remarks>Belongs to the calling thread as well: call it from one that lives as long as the process.</remarks>
    public static void DieWithParentThread()
    {
        const int setParentDeathSignal = 1;   // PR_SET_PDEATHSIG
        if (Prctl(setParentDeathSignal, SigKill, 0, 0, 0) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "prctl(PR_SET_PDEATHSIG) failed");
    }

    [LibraryImport("libc", EntryPoint = "getppid")]
    public static partial int ParentPid();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    /// <returns>False where the process is gone (or not ours).</returns>
    public static bool Signal(int pid, int signal) => pid > 1 && Kill(pid, signal) == 0;

    /// <summary>Ends this process now: no finalizer, no exit handler of libtorch that would meet a training thread at work.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitNow(int code);

    /// <summary>Lets the agent, and everything else on the machine, go first. Refused settings cost politeness, not correctness.</summary>
    /// <remarks>On Linux niceness belongs to a thread: those that run now are set one by one, later ones inherit it.</remarks>
    public static void SetNice(int niceness)
    {
        foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
            if (uint.TryParse(Path.GetFileName(task), NumberStyles.None, CultureInfo.InvariantCulture, out var thread)) _ = SetPriority(0, thread, niceness);
    }

    /// <returns>A descriptor that becomes readable when the process ends, or −1 (no such process, or an old kernel).</returns>
    public static int OpenPid(int pid)
    {
        const long pidfdOpen = 434;   // the same on every architecture
        return (int)SystemCall(pidfdOpen, pid, 0);
    }

    /// <returns>Whether <paramref name="descriptor"/> became readable in time.</returns>
    public static bool WaitReadable(int descriptor, TimeSpan timeout)
    {
        var request = new PollRequest { Descriptor = descriptor, Events = 1 };   // POLLIN
        return Poll(ref request, 1, (int)timeout.TotalMilliseconds) > 0;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, uint who, int priority);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long a, long b);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollRequest requests, nuint count, int timeoutMs);
}

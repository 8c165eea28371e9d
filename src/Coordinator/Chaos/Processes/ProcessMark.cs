using System.Globalization;
using System.Runtime.InteropServices;

namespace Volley.Coordinator.Chaos.Processes;

/// <summary>
/// One process of this boot, and no other that gets its number later: number and start. A signal goes through a descriptor of the
/// process, opened first and compared with the mark after, so that it cannot reach a successor.
/// </summary>
/// <param name="StartTicks">Clock ticks since boot at which it started (<c>/proc/PID/stat</c>, field 22).</param>
internal sealed partial record ProcessMark(int Pid, long StartTicks)
{
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;

    // Fields of /proc/PID/stat, counted after the command's closing parenthesis.
    private const int StateField = 0;
    private const int ParentField = 1;
    private const int StartField = 19;

    public bool IsAlive => Of(Pid) == this;

    /// <returns>Null where no such process lives; one that has ended and was not reaped yet counts as gone.</returns>
    public static ProcessMark? Of(int pid) => Stat(pid) is { } fields ? new ProcessMark(pid, long.Parse(fields[StartField], CultureInfo.InvariantCulture)) : null;

    /// <summary>The living children of a process.</summary>
    public static IReadOnlyList<ProcessMark> ChildrenOf(int parent) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid != 0 && ParentOf(pid) == parent)
            .Select(Of).OfType<ProcessMark>(),
    ];

    /// <returns>0: no such process.</returns>
    public static int ParentOf(int pid) => Stat(pid) is { } fields ? int.Parse(fields[ParentField], CultureInfo.InvariantCulture) : 0;

    /// <returns>False where it is gone.</returns>
    public bool Signal(int signal)
    {
        const long pidfdOpen = 434, pidfdSendSignal = 424;      // the same on every architecture
        var descriptor = (int)SystemCall(pidfdOpen, Pid, 0, 0, 0);
        if (descriptor < 0) return false;
        try
        {
            return IsAlive && SystemCall(pidfdSendSignal, descriptor, signal, 0, 0) == 0;
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static string[]? Stat(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            // The command, in parentheses, may hold spaces and parentheses itself.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[StateField] is "Z" or "X" ? null : fields;
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long a, long b, long c, long d);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

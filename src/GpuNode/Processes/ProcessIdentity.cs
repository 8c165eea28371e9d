using System.Globalization;

namespace Volley.GpuNode.Processes;

/// <summary>One process, not just whoever has its number now: numbers are reused, (boot, number, start) is not.</summary>
/// <param name="StartTicks">Clock ticks since boot at which it started (<c>/proc/PID/stat</c>, field 22).</param>
/// <param name="BootId">Of the kernel's present run.</param>
internal sealed record ProcessIdentity(int Pid, long StartTicks, string BootId)
{
    private const int StateField = 0;        // counted after the command's closing parenthesis
    private const int StartTicksField = 19;

    private static readonly string Boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <returns>Null where no such process lives; one that has ended and was not reaped yet counts as gone.</returns>
    public static ProcessIdentity? Of(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            // The command, in parentheses, may hold spaces and parentheses itself.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[StateField] is "Z" or "X"
                ? null
                : new ProcessIdentity(pid, long.Parse(fields[StartTicksField], CultureInfo.InvariantCulture), Boot);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public bool IsAlive => Of(Pid) == this;
}

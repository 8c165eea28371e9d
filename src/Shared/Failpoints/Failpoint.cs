using System.Runtime.CompilerServices;

namespace Volley.Shared.Failpoints;

/// <summary>
/// A named place where a test makes this very process die, halt or fail, so that "it was killed between the journal and the message" is a
/// test and not a matter of luck. Costs one comparison with null where nothing is armed.
/// </summary>
public static class Failpoint
{
    /// <summary><c>name[/detail]=action[@hit]</c>, several separated by commas. docs/failpoints.md lists names and actions.</summary>
    public const string Variable = "VOLLEY_FAILPOINTS";

    /// <summary>
    /// A directory. A point that fires puts a file of its name with its process id there first, and one that finds such a file does not fire:
    /// children inherit the variables, and a rank that dies at every attempt would never end. Tests wait for the file, too.
    /// </summary>
    public const string DirectoryVariable = "VOLLEY_FAILPOINTS_DIR";

    private static FailpointPlan? _plan;

    public static bool IsArmed => _plan is not null;

    /// <param name="detail">What is passing here, where a test may mean only some: an event's or message's type.</param>
    /// <exception cref="IOException">The armed action is <c>error</c>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hit(string name, string detail = "")
    {
        if (_plan is { } plan) plan.Hit(name, detail);
    }

    /// <summary>Called once, at the program's edge, before there is another thread.</summary>
    /// <exception cref="UserErrorException">Unknown names or actions.</exception>
    public static void Arm(string? failpoints, string? directory) =>
        _plan = string.IsNullOrEmpty(failpoints) ? null : FailpointPlan.Parse(failpoints, directory);
}

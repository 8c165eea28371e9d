using System.CommandLine;
using Volley.Coordinator.Cli.TrialVerbs;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley trial …</c>: trials of a coordinator's sweeps.</summary>
internal static class TrialCommand
{
    public static Command Create() => new("trial",
        """
        Look at the trials of a sweep, try one again, end one.

        Examples:
          volley trial list my-sweep --state failed
          volley trial describe my-sweep/7
          volley trial logs -f my-sweep/7
          volley trial checkpoints my-sweep/7
        """)
    {
        TrialListVerb.Create(), TrialDescribeVerb.Create(), CheckpointsVerb.Create(), LogsVerb.Create(), SteerTrialVerbs.Retry(), SteerTrialVerbs.Kill(),
    };
}

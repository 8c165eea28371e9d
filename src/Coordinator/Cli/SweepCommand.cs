using System.CommandLine;
using Volley.Coordinator.Cli.SweepVerbs;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley sweep …</c>: sweeps of a coordinator.</summary>
internal static class SweepCommand
{
    public static Command Create() => new("sweep",
        """
        Submit sweeps to a coordinator, watch them and steer them.

        Examples:
          export VOLLEY_COORDINATOR=10.0.0.1:7070
          volley sweep submit sweep.yaml
          volley sweep watch my-sweep
          volley sweep export my-sweep --out results
        """)
    {
        SubmitVerb.Create(), ListVerb.Create(), DescribeVerb.Create(), WatchVerb.Create(),
        SteerVerbs.Pause(), SteerVerbs.Resume(), SteerVerbs.Cancel(), SteerVerbs.Repair(), SteerVerbs.Extend(), SteerVerbs.Priority(),
        ResultsVerb.Create(), BestVerb.Create(), ExportVerb.Create(),
    };
}

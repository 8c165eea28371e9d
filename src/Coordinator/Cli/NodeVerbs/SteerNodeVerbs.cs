using System.CommandLine;

namespace Volley.Coordinator.Cli.NodeVerbs;

/// <summary><c>volley node drain</c>, <c>undrain</c> and <c>exclude</c>.</summary>
internal static class SteerNodeVerbs
{
    public static Command Drain() => Create("drain", """
        Free a machine: its trials write a checkpoint and go on elsewhere, and nothing new is placed there until `volley node undrain`.

        Example:
          volley node drain gpu-03 --reason "new disk"
        """, hasReason: true);

    public static Command Exclude() => Create("exclude", """
        Set a machine aside at once: its ranks are killed, its trials go on elsewhere, and nothing new is placed there until `volley node undrain`.

        Example:
          volley node exclude gpu-03 --reason "memory errors"
        """, hasReason: true);

    public static Command Undrain() => Create("undrain", """
        Take a machine back that was drained, excluded, or set aside because trials kept failing on it.

        Example:
          volley node undrain gpu-03
        """, hasReason: false);

    private static Command Create(string verb, string help, bool hasReason)
    {
        var node = new Argument<string>("NODE") { Description = "Its name; `volley node list` shows them" };
        var reason = new Option<string?>("--reason") { Description = "Shown wherever the machine is", HelpName = "TEXT" };
        return ClientVerb.Create(verb, help, hasReason ? [node, reason] : [node], async (parsed, session) =>
        {
            var standing = await session.Client.SteerNodeAsync(parsed.GetRequiredValue(node), verb, hasReason ? parsed.GetValue(reason) : null, session.Stop);
            if (session.IsJson) session.Json(standing);
            else session.Line(standing.SetAside is { } aside ? $"{standing.Name}: {aside.Kind} ({aside.Reason})." : $"{standing.Name}: serves.");
            return 0;
        });
    }
}

using Spectre.Console;

namespace Volley.Coordinator.Watch;

/// <summary>Which display fits where it is shown.</summary>
internal static class SweepDisplays
{
    /// <returns>The live table in a terminal, a line per event elsewhere.</returns>
    public static ISweepDisplay For(TextWriter output, TimeProvider clock) =>
        ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && AnsiConsole.Profile.Out.IsTerminal && AnsiConsole.Profile.Capabilities.Ansi
            ? new TableDisplay(AnsiConsole.Console, clock)
            : new PlainDisplay(output, clock);
}

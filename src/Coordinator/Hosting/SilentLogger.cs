using Akka.Event;

namespace Volley.Coordinator.Hosting;

/// <summary>In the place of Akka's standard-output logger, which writes what comes when the others have ended: the terminal belongs to the table.</summary>
internal sealed class SilentLogger : MinimalLogger
{
    protected override void Log(object message)
    {
        // The log file has had everything by then.
    }
}

namespace Volley.Coordinator.Journal;

/// <summary>Akka.Persistence.Sql on a database. There is no typed API for it here (DESIGN §9).</summary>
internal static class JournalHocon
{
    /// <remarks>
    /// <c>auto-initialize = off</c>: with it the plugin stops for good when the disk is full or the server away at its start, so the stores make
    /// their tables themselves. The circuit breaker lets the next try through after 2 s, not 30: a server that is back is used at once.
    /// </remarks>
    public static string Of(string provider, string connectionString) => $$"""
        akka.persistence {
          journal {
            plugin = "akka.persistence.journal.sql"
            auto-start-journals = ["akka.persistence.journal.sql"]
            sql {
              connection-string = "{{connectionString.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}}"
              provider-name = "{{provider}}"
              auto-initialize = off
              circuit-breaker { max-failures = 10, call-timeout = 10s, reset-timeout = 2s }
              recovery-event-timeout = 15s
            }
          }
          snapshot-store.plugin = "akka.persistence.no-snapshot-store"
        }
        """ + "\n" + JournalSerializer.Hocon;
}

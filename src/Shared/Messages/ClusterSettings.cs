namespace Volley.Shared.Messages;

/// <summary>The part of the actor system's configuration that every member must share: a member with another one is refused, or worse, downs others.</summary>
public static class ClusterSettings
{
    /// <param name="host">Address that others reach this member at; it is bound too.</param>
    /// <param name="port">0: any free one.</param>
    /// <param name="role"><see cref="ClusterNames.CoordinatorRole"/> or <see cref="ClusterNames.AgentRole"/>.</param>
    /// <param name="seeds">Identical and in the same order on every member. Empty: the member joins by itself, in code.</param>
    /// <remarks>
    /// Failure detection as measured on a LAN (DESIGN §10): a killed machine is unreachable in 4–5 s and removed in 10–12 s.
    /// The proxy buffers nothing: everything is sent again, and what waited would only be older.
    /// <c>keep-majority</c> counts coordinators only: losing most agents must not down the coordinator. Nor may agents that come and go:
    /// <c>down-all-when-unstable</c>, on by default, ended a coordinator after four agents in nine seconds (measured); the journal fences instead.
    /// </remarks>
    public static string Hocon(string host, int port, string role, IEnumerable<string> seeds) => $$"""
        akka {
          loglevel = INFO
          stdout-loglevel = OFF
          actor.provider = cluster
          coordinated-shutdown { exit-clr = off, run-by-clr-shutdown-hook = off }
          remote.dot-netty.tcp {
            hostname = "{{host}}"
            port = {{port}}
            maximum-frame-size = 256000b
          }
          cluster {
            roles = ["{{role}}"]
            seed-nodes = [{{string.Join(", ", seeds.Select(seed => $"\"{seed}\""))}}]
            retry-unsuccessful-join-after = 2s
            seed-node-timeout = 2s
            shutdown-after-unsuccessful-join-seed-nodes = off
            run-coordinated-shutdown-when-down = on
            failure-detector { acceptable-heartbeat-pause = {{(IsLoopback(host) ? "10s, threshold = 12" : "3s")}} }
            downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
            split-brain-resolver {
              active-strategy = keep-majority
              stable-after = 5s
              down-all-when-unstable = off
              keep-majority.role = {{ClusterNames.CoordinatorRole}}
            }
            singleton-proxy { singleton-identification-interval = 500ms, buffer-size = 0, log-singleton-identification-failure = off }
          }
        }
        """ + "\n" + Serialization.VolleySerializer.Hocon;

    // There the ranks of this machine compete with the heartbeats, and a process that ends is noticed by its closed connection long before.
    private static bool IsLoopback(string host) => System.Net.IPAddress.TryParse(host, out var address) ? System.Net.IPAddress.IsLoopback(address) : host == "localhost";
}

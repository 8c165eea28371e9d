namespace Volley.Shared.Messages;

/// <summary>Names on which coordinator and agent must agree.</summary>
public static class ClusterNames
{
    public const string ActorSystem = "volley";

    /// <summary>Name of a cluster whose operator gave it none.</summary>
    public const string DefaultCluster = "volley";
    public const string CoordinatorRole = "coordinator";
    public const string AgentRole = "agent";

    /// <summary>Name of the singleton manager under <c>/user</c> on members with the coordinator role.</summary>
    public const string ManagerSingleton = "volley";

    /// <summary>What an agent's <c>ClusterSingletonProxy</c> is given.</summary>
    public const string ManagerPath = "/user/" + ManagerSingleton;

    /// <summary>What members call a member at this address.</summary>
    public static string SeedAddress(string host, int port) => $"akka.tcp://{ActorSystem}@{host}:{port}";
}

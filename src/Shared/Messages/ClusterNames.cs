namespace Volley.Shared.Messages;

/// <summary>Names on which coordinator and agent must agree.</summary>
public static class ClusterNames
{
    public const string ActorSystem = "volley";
    public const string CoordinatorRole = "coordinator";
    public const string AgentRole = "agent";

    /// <summary>Name of the singleton manager under <c>/user</c> on members with the coordinator role.</summary>
    public const string ManagerSingleton = "volley";

    /// <summary>What an agent's <c>ClusterSingletonProxy</c> is given.</summary>
    public const string ManagerPath = "/user/" + ManagerSingleton;
}

using Akka.Cluster;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Hosting;

/// <summary>Which coordinator is in charge: the oldest member among them, where the singleton lives.</summary>
internal sealed class Leadership(Cluster cluster)
{
    private const string HttpRolePrefix = "http:";

    /// <summary>Null while none is a member.</summary>
    public Member? Leader => Coordinators.Aggregate((Member?)null, (oldest, next) => oldest is null || next.IsOlderThan(oldest) ? next : oldest);

    public bool IsHere => Leader?.UniqueAddress.Equals(cluster.SelfUniqueAddress) ?? false;

    public bool IsReachable(Member member) => !cluster.State.Unreachable.Contains(member);

    public IEnumerable<CoordinatorMember> Members => Coordinators.Select(member => new CoordinatorMember(member.Address.ToString(), member.UniqueAddress.Uid));

    private IEnumerable<Member> Coordinators =>
        cluster.State.Members.Where(member => member.HasRole(ClusterNames.CoordinatorRole) && member.Status is MemberStatus.Up or MemberStatus.Leaving);

    /// <summary>How a coordinator tells the others where its HTTP API is: as one of its roles, which every member knows.</summary>
    /// <returns>Null where the port is not known before it is bound; such a coordinator is alone.</returns>
    public static string? HttpRole(CoordinatorOptions options) => options.HttpPort == 0 ? null
        : $"{HttpRolePrefix}{(IsEveryAddress(options.HttpHost) ? options.ClusterHost : options.HttpHost)}:{options.HttpPort}";

    public static Uri? HttpOf(Member member) =>
        member.Roles.FirstOrDefault(role => role.StartsWith(HttpRolePrefix, StringComparison.Ordinal)) is { } role
            ? new Uri($"http://{role[HttpRolePrefix.Length..]}")
            : null;

    private static bool IsEveryAddress(string host) => host is "0.0.0.0" or "[::]" or "*" or "+";
}

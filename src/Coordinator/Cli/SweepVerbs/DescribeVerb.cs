using System.CommandLine;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep describe</c>.</summary>
internal static class DescribeVerb
{
    public static Command Create()
    {
        var sweep = ClientVerb.Sweep();
        return ClientVerb.Create("describe", """
            How a sweep stands, and every rank that runs: node, agent's and rank's process ids, attempt.

            Examples:
              volley sweep describe my-sweep
              volley sweep describe my-sweep --json | jq '.active[] | [.trial, .node, .pid]'
            """, [sweep], async (parsed, session) =>
            {
                var view = await session.Client.DescribeAsync(parsed.GetRequiredValue(sweep), session.Stop);
                if (session.IsJson) session.Json(view);
                else Describe(session, view);
                return 0;
            });
    }

    private static void Describe(ClientSession session, SweepView view)
    {
        session.Line($"{view.Id}: {view.State}");
        session.Line($"  file       {view.FileName}, submitted {view.SubmittedAt.ToLocalTime():yyyy-MM-dd HH:mm:ss}{(view.EndedAt is { } end ? $", ended {end.ToLocalTime():yyyy-MM-dd HH:mm:ss}" : "")}");
        session.Line($"  trials     {Words.Trials(view)}");
        if (view.Obstacle is { } obstacle) session.Line($"  waiting    {obstacle}");
        if (view.StaleReports > 0) session.Line($"  dropped    {view.StaleReports} reports of attempts that were over");
        if (view.Active.Count == 0) return;
        session.Line("");
        Table.Print(session.Output, session.Width, view.Active);
    }

    private static TextTable<ActiveRank> Table { get; } = new TextTable<ActiveRank>()
        .Column("TRIAL", rank => rank.Trial, isNumber: true)
        .Column("ATTEMPT", rank => rank.Attempt, isNumber: true)
        .Column("RANK", rank => rank.Rank, isNumber: true)
        .Column("NODE", rank => rank.Node)
        .Column("PID", rank => rank.Pid is { } pid ? pid : "starting", isNumber: true)
        .Column("AGENT PID", rank => rank.AgentPid, 1, isNumber: true);
}

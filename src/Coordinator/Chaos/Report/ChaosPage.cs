using System.Globalization;
using System.Text;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Recovery;
using Volley.Coordinator.Report;
using Volley.Coordinator.Report.Plots;
using Volley.Shared.Determinism;

namespace Volley.Coordinator.Chaos.Report;

/// <summary><c>report.html</c> of a chaos run: one file, with the sweep report's style sheet and diagrams.</summary>
internal static class ChaosPage
{
    public const string FileName = "report.html";

    // Fraction of a category's width over which its dots are spread.
    private const double Spread = 0.5;

    public static string Of(ChaosResult result)
    {
        var page = new StringBuilder();
        page.Append("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        page.Append($"<title>Chaos, seed {result.Options.Seed} – Volley</title>\n<style>\n/*<![CDATA[*/\n{HtmlReport.Resource("report.css")}\n/*]]>*/\n</style>\n</head>\n<body>\n<main>\n");
        var verdict = result.Verdict.Holds ? "Nothing was lost" : "The verdict fails";
        page.Append($"<header>\n<p class=\"kicker\">Volley chaos</p>\n<h1>{verdict}</h1>\n<p class=\"lede\">{result.Faults.Length} faults on {result.Options.Nodes} nodes ({Html.Text(result.Network)}), seed {result.Options.Seed}; {result.Disturbed.Results.Trials.Count} trials.</p>\n</header>\n");
        Tiles(page, result);
        Checks(page, result);
        Timeline(page, result);
        Recoveries(page, result);
        KindTable(page, result);
        FaultTable(page, result);
        Notes(page, result);
        page.Append($"</main>\n<div id=\"tip\" role=\"status\"></div>\n<script>\n//<![CDATA[\n{HtmlReport.Resource("report.js")}\n//]]>\n</script>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void Tiles(StringBuilder page, ChaosResult result)
    {
        page.Append("<section class=\"tiles\" aria-label=\"key figures\">\n");
        var kinds = KindStatistics.Of(result.Faults.Select(fault => fault.Recovery)).ToDictionary(kind => kind.Kind);
        foreach (var (kind, label) in ((FaultKind, string)[])[(FaultKind.RankKill, "rank killed → training again"), (FaultKind.AgentKill, "agent killed → its trials run elsewhere"), (FaultKind.CoordinatorKill, "coordinator killed → steering again")])
            if (kinds.GetValueOrDefault(kind) is { Median: not null } figures)
                Tile(page, label, $"{Seconds(figures.Median)} s", $"median of {figures.Recovered}; p95 {Seconds(figures.P95)} s, longest {Seconds(figures.Max)} s");
        Tile(page, "steps repeated", $"{result.Faults.Sum(fault => fault.Recovery.StepsRepeated)}", $"of {result.Progress.LastOrDefault()?.Steps ?? 0} that the sweep makes");
        Tile(page, "attempts", $"{result.Disturbed.Results.Trials.Sum(trial => trial.Attempts)}", $"for {result.Disturbed.Results.Trials.Count} trials");
        page.Append("</section>\n");
    }

    private static void Checks(StringBuilder page, ChaosResult result)
    {
        page.Append("<section>\n<h2>Verdict</h2>\n<div class=\"scroll\"><table>\n<tbody>\n");
        foreach (var check in result.Verdict.Checks)
            page.Append($"<tr><td{(check.Holds ? "" : " class=\"failed\"")}>{(check.Holds ? "yes" : "NO")}</td><td>{Html.Text(check.Claim)}</td><td class=\"wide\">{Html.Text(check.Detail)}</td></tr>\n");
        page.Append("</tbody></table></div>\n</section>\n");
    }

    private static void Timeline(StringBuilder page, ChaosResult result)
    {
        if (result.Faults.IsEmpty) return;
        var kinds = result.Faults.Select(fault => fault.Recovery.Fault.Kind).Distinct().Order().ToList();
        var end = Math.Max(1, result.Disturbed.Duration.TotalSeconds);
        var time = new LinearAxis("seconds since the sweep began", 0, end, value => value.ToString("0", CultureInfo.InvariantCulture));
        page.Append("<section>\n<h2>Timeline</h2>\n<p class=\"caption\">One mark per fault; the line behind it ends where training went on (or the coordinator answered). Beside it: steps of all trials, each counted once.</p>\n<div class=\"plots\">\n");
        var faults = new Plot(time, new CategoryAxis("", [.. kinds.Select(FaultKinds.NameOf)]), width: 620, height: 90 + (26 * kinds.Count), left: 130);
        foreach (var (recovery, done) in result.Faults)
        {
            var (row, colour, at) = (kinds.IndexOf(recovery.Fault.Kind), (int)recovery.Fault.Kind, recovery.At.TotalSeconds);
            var tip = Tip(recovery, done);
            if (KindStatistics.SecondsOf(recovery) is { } seconds) faults.Line([(at, row), (at + seconds, row)], $"{Palette.Class(colour)} strong", tip, colour);
            faults.Dot(at, row, colour, tip);
        }
        page.Append($"<figure>{faults.Svg("faults over time, by kind")}</figure>\n");
        var steps = new Plot(time, Axis.Around("steps", result.Progress.Select(point => (double)point.Steps).Append(0), value => value.ToString("0", CultureInfo.InvariantCulture)), width: 620, height: 300);
        steps.Line(result.Progress.Select(point => (point.At.TotalSeconds, (double)point.Steps)), $"{Palette.Class(0)} strong", "steps completed", 0);
        page.Append($"<figure>{steps.Svg("steps over time")}</figure>\n</div>\n</section>\n");
    }

    private static void Recoveries(StringBuilder page, ChaosResult result)
    {
        var recovered = result.Faults.Where(fault => KindStatistics.SecondsOf(fault.Recovery) is > 0).ToList();
        if (recovered.Count == 0) return;
        var kinds = recovered.Select(fault => fault.Recovery.Fault.Kind).Distinct().Order().ToList();
        page.Append("<section>\n<h2>How long until it went on</h2>\n<p class=\"caption\">Seconds, logarithmic, one dot per fault. For the coordinator: until it answered again; training did not stop meanwhile.</p>\n<div class=\"plots\">\n");
        var plot = new Plot(
            new CategoryAxis("", [.. kinds.Select(FaultKinds.NameOf)]),
            Axis.Around("seconds", recovered.Select(fault => KindStatistics.SecondsOf(fault.Recovery)!.Value), value => value.ToString("0.##", CultureInfo.InvariantCulture), isLog: true),
            width: 620, height: 340);
        foreach (var (recovery, done) in recovered)
        {
            var jitter = (KeyedRandom.For(0, "chaos-report", recovery.Fault.Number).NextDouble() - 0.5) * Spread;
            plot.Dot(kinds.IndexOf(recovery.Fault.Kind) + jitter, KindStatistics.SecondsOf(recovery)!.Value, (int)recovery.Fault.Kind, Tip(recovery, done));
        }
        page.Append($"<figure>{plot.Svg("recovery times by kind")}</figure>\n</div>\n</section>\n");
    }

    private static void KindTable(StringBuilder page, ChaosResult result)
    {
        page.Append("<section>\n<h2>By kind</h2>\n<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr><th>kind</th><th>what is done</th><th class=\"number\">faults</th><th class=\"number\">median, s</th><th class=\"number\">p95, s</th><th class=\"number\">longest, s</th><th class=\"number\">steps repeated</th><th class=\"number\">new attempts</th></tr></thead>\n<tbody>\n");
        foreach (var kind in KindStatistics.Of(result.Faults.Select(fault => fault.Recovery)))
            page.Append($"<tr><td>{FaultKinds.NameOf(kind.Kind)}</td><td class=\"wide\">{Html.Text(FaultKinds.Of(kind.Kind).Summary)}</td>{Number(kind.Faults)}{Number(Seconds(kind.Median))}{Number(Seconds(kind.P95))}{Number(Seconds(kind.Max))}{Number(kind.StepsRepeated)}{Number(kind.NewAttempts)}</tr>\n");
        page.Append("</tbody></table></div>\n</section>\n");
    }

    private static void FaultTable(StringBuilder page, ChaosResult result)
    {
        page.Append("<section>\n<h2>Every fault</h2>\n<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr><th class=\"number\">#</th><th class=\"number\">at, s</th><th>kind</th><th>where</th><th>done</th><th class=\"number\">training again, s</th><th class=\"number\">steering again, s</th><th class=\"number\">steps repeated</th><th class=\"number\">new attempts</th><th>what the system said</th></tr></thead>\n<tbody>\n");
        foreach (var (recovery, done) in result.Faults)
        {
            var target = recovery.Target;
            page.Append($"<tr>{Number(recovery.Fault.Number)}{Number(Seconds(recovery.At.TotalSeconds))}<td>{FaultKinds.NameOf(recovery.Fault.Kind)}</td><td>{Html.Text(target.Node ?? "")}{(target.Trial is { } trial ? $" trial {trial}.a{target.Attempt}" : "")}</td>");
            page.Append($"<td class=\"wide\">{Html.Text(done)}</td>{Number(ChaosMarkdown.TrainingAgain(recovery))}{Number(Seconds(recovery.AnswersAfter?.TotalSeconds))}{Number(recovery.StepsRepeated)}{Number(recovery.NewAttempts)}");
            page.Append($"<td class=\"wide\">{Html.Text(string.Join(" ", recovery.Affected.Select(hit => hit.Said).Where(said => said.Length > 0).Distinct()))}</td></tr>\n");
        }
        page.Append("</tbody></table></div>\n</section>\n");
    }

    private static void Notes(StringBuilder page, ChaosResult result)
    {
        page.Append("<section class=\"notes\">\n<h2>How it was made</h2>\n<dl>\n");
        Entry("Command", result.Command);
        Entry("Machine", result.Machine);
        Entry("Volley", $"{result.Version}; started {result.StartedAt:yyyy-MM-dd HH:mm} UTC");
        Entry("Duration", $"{result.Undisturbed.Duration.TotalSeconds:0} s undisturbed, {result.Disturbed.Duration.TotalSeconds:0} s under faults");
        Entry("Times", "A new attempt says when its first step was done; all else is as the HTTP API showed it, half a second late at most. In brackets: when training was to be seen again that had never stopped.");
        foreach (var reason in result.Skipped) Entry("Left out", reason);
        page.Append("</dl>\n</section>\n");
        void Entry(string term, string text) => page.Append($"<dt>{Html.Text(term)}</dt><dd>{Html.Text(text)}</dd>\n");
    }

    private static string Tip(FaultRecovery recovery, string done) =>
        $"fault {recovery.Fault.Number} · {FaultKinds.NameOf(recovery.Fault.Kind)}{(recovery.Target.Node is { } node ? $" · {node}" : "")}\n{done}\n"
        + (KindStatistics.SecondsOf(recovery) is { } seconds ? $"went on after {Seconds(seconds)} s, {recovery.StepsRepeated} steps repeated" : "hit no trial that went on");

    private static void Tile(StringBuilder page, string label, string value, string note) =>
        page.Append($"<div class=\"tile\"><span class=\"label\">{Html.Text(label)}</span><span class=\"value\">{Html.Text(value)}</span><span class=\"note\">{Html.Text(note)}</span></div>\n");

    private static string Number(object value) => $"<td class=\"number\">{Html.Text($"{value}")}</td>";

    private static string Seconds(double? value) => value is { } number ? number.ToString("0.0", CultureInfo.InvariantCulture) : "–";
}

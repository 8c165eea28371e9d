using System.Text;
using Volley.Coordinator.Report.Plots;
using Volley.Coordinator.Report.Sections;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report;

/// <summary>
/// <c>report.html</c>: one file that opens anywhere, without a network. Diagrams are SVG drawn here; the script only adds
/// pointers, sorting and the legend's filter.
/// </summary>
internal static class HtmlReport
{
    public const string FileName = "report.html";

    public static void Write(string path, SweepResults results) => ResultsFiles.WriteWhole(path, Of(results));

    /// <returns>The page; also well-formed XML.</returns>
    public static string Of(SweepResults results)
    {
        var data = new ReportData(results);
        var page = new StringBuilder();
        page.Append("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
        page.Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        page.Append($"<title>{Html.Text(results.Name)} – Volley</title>\n<style>\n/*<![CDATA[*/\n{Resource("report.css")}\n/*]]>*/\n</style>\n</head>\n<body>\n<main>\n");
        Overview.Append(page, data);
        Legend(page, data);
        TradeOffs.Append(page, data);
        LearningCurves.Append(page, data);
        HyperparameterPlots.Append(page, data);
        FiringRates.Append(page, data);
        LeaderboardSection.Append(page, data);
        Notes.Append(page, data);
        page.Append($"</main>\n<div id=\"tip\" role=\"status\"></div>\n<script>\n//<![CDATA[\n{Resource("report.js")}\n//]]>\n</script>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void Legend(StringBuilder page, ReportData data)
    {
        page.Append("<nav class=\"legend\" aria-label=\"models\">\n");
        for (var model = 0; model < data.Models.Count; model++)
            page.Append($"<button type=\"button\" data-model=\"{model}\" aria-pressed=\"true\"><svg viewBox=\"0 0 16 16\" width=\"14\" height=\"14\" aria-hidden=\"true\">"
                + $"<path class=\"dot {Palette.Class(model)}\" d=\"{Palette.Marker(model, 8, 8, 5.5)}\"/></svg>{Html.Text(data.Models[model])}</button>\n");
        page.Append("</nav>\n");
    }

    /// <summary>A text that the program carries: the style sheet, the script.</summary>
    public static string Resource(string name)
    {
        using var stream = typeof(HtmlReport).Assembly.GetManifestResourceStream($"Volley.Coordinator.Report.{name}")
            ?? throw new InvalidOperationException($"The program was built without its resource {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Trim();
    }
}

using System.Text;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>How busy each neuron layer of the best spiking models is, in the order in which the model uses them.</summary>
internal static class FiringRates
{
    public static void Append(StringBuilder page, ReportData data)
    {
        var spiking = data.BestOfEachModel.Where(trial => trial.FiringRateByLayer is { Count: > 0 }).ToList();
        if (spiking.Count == 0) return;
        page.Append("<section>\n<h2>Firing rates by neuron layer</h2>\n");
        page.Append("<p class=\"caption\">Spikes per neuron and time step, mean over images and time steps, for the best trial of each spiking model. Low is sparse, and sparse is cheap.</p>\n<div class=\"plots\">\n");
        var highest = spiking.Max(trial => trial.FiringRateByLayer!.Values.Where(double.IsFinite).DefaultIfEmpty(0).Max());
        foreach (var trial in spiking) Table(page, data, trial, highest);
        page.Append("</div>\n</section>\n");
    }

    private static void Table(StringBuilder page, ReportData data, TrialResult trial, double highest)
    {
        page.Append($"<figure data-model=\"{data.ModelOf(trial)}\"><figcaption>{Html.Text(trial.Model)}, trial {trial.Number}</figcaption><table class=\"rates\"><tbody>\n");
        foreach (var (layer, rate) in trial.FiringRateByLayer!)
        {
            var width = highest > 0 && double.IsFinite(rate) ? Math.Clamp(100 * rate / highest, 0, 100) : 0;
            page.Append($"<tr><td>{Html.Text(layer)}</td><td><span class=\"bar {Plots.Palette.Class(data.ModelOf(trial))}\" style=\"width:{Html.Number(width)}%\"></span></td>"
                + $"<td class=\"number\">{Html.Text(MetricText.Of("firing_rate", rate))}</td></tr>\n");
        }
        page.Append("</tbody></table></figure>\n");
    }
}

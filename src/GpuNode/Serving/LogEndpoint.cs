using System.Globalization;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Serving;

/// <summary><c>GET /logs/{sweep}/{trial}?attempt=&amp;rank=&amp;follow=true</c>: what a trial's rank wrote here, as plain text. Without an attempt: the newest one on this machine.</summary>
internal static class LogEndpoint
{
    public static void MapLogs(this WebApplication app, ServingSettings settings)
    {
        app.MapGet("/logs/{sweep}/{trial}", async (HttpContext context) =>
        {
            var (route, query) = (context.Request.RouteValues, context.Request.Query);
            var files = new RankLogFiles(settings.LogDirectory);
            if (!SweepId.IsValid((string)route["sweep"]!) || !TryNumber((string)route["trial"]!, out var number)
                || !TryNumber(query["rank"].FirstOrDefault() ?? "0", out var rank) || !TryNumber(query["attempt"].FirstOrDefault() ?? "0", out var named))
            {
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                await context.Response.WriteAsync("A log is at /logs/SWEEP/TRIAL?attempt=N&rank=N&follow=true, with numbers for trial, attempt and rank.\n");
                return;
            }
            var trial = new TrialId(new SweepId((string)route["sweep"]!), number);
            if ((named > 0 ? named : files.NewestAttempt(trial, rank)) is not { } attempt || !files.Exists(new RankKey(trial, attempt, rank)))
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                await context.Response.WriteAsync($"This node has no log of {trial}{(named > 0 ? $" attempt {named}" : "")} rank {rank}.\n");
                return;
            }
            context.Response.ContentType = "text/plain; charset=utf-8";
            var follows = query["follow"].FirstOrDefault() is "true" or "1" or "";
            var follower = new LogFollower(files, settings.IsAlive, settings.Time);
            try
            {
                await follower.CopyAsync(new RankKey(trial, attempt, rank), follows, hopsToNewer: named == 0, context.Response.Body, context.RequestAborted);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                // The reader went away, or was too slow for too long.
            }
        });
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

using System.Text.Json;
using Volley.Shared;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <param name="Coordinators">HTTP addresses, asked in this order.</param>
/// <param name="ClusterName">Another name is another cluster: refused.</param>
internal sealed record DirectorySettings(IReadOnlyList<Uri> Coordinators, string ClusterName, string Version);

/// <summary>Asks coordinators over HTTP which cluster they form. The agent's way in: nothing else about the cluster needs to be configured.</summary>
internal sealed class CoordinatorDirectory(DirectorySettings settings, TimeProvider time, ILogger log) : IDisposable
{
    /// <summary>Between two rounds while nobody answers: a coordinator that comes back is found this soon.</summary>
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan WarnPeriod = TimeSpan.FromSeconds(10);

    // An answer is a few hundred bytes from memory; a machine that is gone must not hold up the next address.
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = AnswerTimeout, PooledConnectionIdleTimeout = WarnPeriod }) { Timeout = AnswerTimeout };
    private long? _warned;

    /// <summary>Keeps asking until a coordinator that has joined its cluster answers, with one line per 10 s: late coordinators are normal.</summary>
    /// <param name="mayGiveUp">A wrong address or another cluster is the person's mistake; later it may be a machine that was given another task.</param>
    /// <exception cref="UserErrorException">What answers is no coordinator of this cluster, and <paramref name="mayGiveUp"/>.</exception>
    public async Task<ClusterView> FindAsync(bool mayGiveUp, CancellationToken stop)
    {
        while (true)
        {
            var (view, problems) = await AskAsync(stop);
            if (view is not null)
            {
                if (_warned is not null) log.LogInformation("A coordinator of cluster {Cluster} answers", view.ClusterName);
                _warned = null;
                return view;
            }
            if (mayGiveUp && problems.FirstOrDefault(problem => problem.IsMistake) is { } mistake) throw new UserErrorException(mistake.Text);
            if (_warned is not { } last || time.GetElapsedTime(last) >= WarnPeriod)
            {
                // Silent for a moment: most coordinators that do not answer are being started.
                if (_warned is not null || !mayGiveUp) log.LogWarning("No coordinator answers: {Reasons} Still trying; ranks go on.", string.Join(" ", problems.Select(problem => problem.Text)));
                else log.LogWarning("No coordinator answers yet: {Reasons} Still trying.", string.Join(" ", problems.Select(problem => problem.Text)));
                _warned = time.GetTimestamp();
            }
            await Task.Delay(RetryPeriod, time, stop);
        }
    }

    /// <summary>One round. The first coordinator that has joined its cluster, or what each of them answered instead.</summary>
    public async Task<(ClusterView? View, IReadOnlyList<Problem> Problems)> AskAsync(CancellationToken stop)
    {
        var problems = new List<Problem>();
        foreach (var address in settings.Coordinators)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri(address, ClusterView.Path), stop);
                var view = answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync<ClusterView>(ClusterView.Json, stop) : null;
                if (Judge(address, view, answer) is not { } problem) return (view, []);
                problems.Add(problem);
            }
            catch (JsonException)
            {
                problems.Add(NoCoordinator(address, "something else than a Volley coordinator answers"));
            }
            catch (Exception error) when (error is HttpRequestException or IOException || (error is OperationCanceledException && !stop.IsCancellationRequested))
            {
                var reason = error switch
                {
                    HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.SecureConnectionError } => null,
                    OperationCanceledException => $"no answer within {AnswerTimeout.TotalSeconds:0} s",
                    _ => error.GetBaseException().Message,
                };
                problems.Add(reason is null ? NoCoordinator(address, "something that does not speak HTTP answers") : new Problem($"{address.Authority}: {reason}.", IsMistake: false));
            }
        }
        return (null, problems);
    }

    public void Dispose() => _http.Dispose();

    /// <param name="IsMistake">A person should put it right; waiting does not.</param>
    public sealed record Problem(string Text, bool IsMistake);

    private Problem? Judge(Uri address, ClusterView? view, HttpResponseMessage answer)
    {
        if (view is null && (int)answer.StatusCode >= 500) return new Problem($"{address.Authority}: answers {(int)answer.StatusCode}.", IsMistake: false);
        if (view is not { Product: ClusterView.ProductName }) return NoCoordinator(address, view is null ? $"the answer is {(int)answer.StatusCode}" : "something else than a Volley coordinator answers");
        if (view.ClusterName != settings.ClusterName)
            return new Problem($"{address.Authority}: belongs to the cluster \"{view.ClusterName}\", this agent to \"{settings.ClusterName}\": join with --cluster-name {view.ClusterName}, or name another --coordinator.", IsMistake: true);
        if (view.Version != settings.Version)
            return new Problem($"{address.Authority}: is Volley {view.Version}, this agent {settings.Version}: install the same version on every machine.", IsMistake: true);
        return view.Coordinators.IsDefaultOrEmpty || view.Seeds.IsDefaultOrEmpty ? new Problem($"{address.Authority}: is starting.", IsMistake: false) : null;
    }

    private static Problem NoCoordinator(Uri address, string found) =>
        new($"{address.Authority}: {found}. Is it the address that `volley serve --http` was given?", IsMistake: true);
}

using System.Globalization;
using Volley.Coordinator.Http;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Client;

/// <summary>The HTTP API, version 1, from a program's side. `volley run` and every client verb use it.</summary>
internal sealed class SweepClient(ApiConnection connection) : IDisposable
{
    private const string Sweeps = "/api/v1/sweeps";

    /// <summary>For programs: nobody is told that it waits.</summary>
    public SweepClient(Uri coordinator) : this(new ApiConnection(new CoordinatorAddress(coordinator), ClientPatience.Default, TimeProvider.System, _ => { })) { }

    public CoordinatorAddress Address => connection.Address;

    public void Dispose() => connection.Dispose();

    public Task<SubmitAnswer> SubmitAsync(SubmitRequest request, CancellationToken stop) =>
        connection.PostAsync<SubmitAnswer>(Sweeps, request, isRepeatable: !request.IsNew, stop);

    public Task<IReadOnlyList<SweepRow>> ListAsync(CancellationToken stop) =>
        PagesAsync<SweepPage, SweepRow, string>(Sweeps, "", page => (page.Sweeps, page.Next), stop);

    /// <returns>The sweep, without trials.</returns>
    public Task<SweepView> DescribeAsync(string sweep, CancellationToken stop) => connection.GetAsync<SweepView>(Of(sweep), stop);

    /// <param name="changedSince">A version of an earlier view; −1 for all trials.</param>
    public Task<SweepView> LookAsync(string sweep, long changedSince, CancellationToken stop) =>
        connection.GetAsync<SweepView>($"{Of(sweep)}?changed_since={changedSince}", stop);

    /// <param name="verb">pause | resume | cancel | retry | repair | extend | priority. Each says what shall hold: asked twice is asked once.</param>
    public Task<SteerAnswer> SteerAsync(string sweep, string verb, CancellationToken stop, object? body = null) =>
        connection.PostAsync<SteerAnswer>($"{Of(sweep)}/{verb}", body, isRepeatable: true, stop);

    /// <param name="verb">retry | kill.</param>
    public Task<SteerAnswer> SteerTrialAsync(string sweep, int trial, string verb, CancellationToken stop) =>
        connection.PostAsync<SteerAnswer>($"{Of(sweep, trial)}/{verb}", null, isRepeatable: true, stop);

    /// <param name="verb">drain | undrain | exclude.</param>
    public Task<NodeStanding> SteerNodeAsync(string node, string verb, string? reason, CancellationToken stop) =>
        connection.PostAsync<NodeStanding>($"/api/v1/nodes/{Uri.EscapeDataString(node)}/{verb}", reason is null ? null : new ReasonRequest(reason), isRepeatable: true, stop);

    public Task<BestView> BestAsync(string sweep, CancellationToken stop) => connection.GetAsync<BestView>($"{Of(sweep)}/best", stop);

    /// <returns>All trials and the digest over them.</returns>
    public async Task<SweepResults> ResultsAsync(string sweep, CancellationToken stop)
    {
        SweepResults? head = null;
        var trials = new List<TrialResult>();
        for (int? after = -1; after is not null;)
        {
            var page = await connection.GetAsync<ResultsPage>($"{Of(sweep)}/results?after={after}", stop, ConfigJson.ReadableOptions);
            head ??= page.Results;
            trials.AddRange(page.Results.Trials);
            after = page.Next;
        }
        var results = head! with { Trials = trials };
        return results with { ResultsDigest = ResultsDigest.Of(results) };
    }

    /// <param name="state">Only these; null: all.</param>
    public Task<IReadOnlyList<TrialRow>> TrialsAsync(string sweep, string? state, CancellationToken stop) =>
        PagesAsync<TrialPage, TrialRow, int?>($"{Of(sweep)}/trials", state is null ? "" : $"state={Uri.EscapeDataString(state)}&", page => (page.Trials, page.Next), stop);

    public Task<TrialView> TrialAsync(string sweep, int trial, CancellationToken stop) => connection.GetAsync<TrialView>(Of(sweep, trial), stop);

    /// <returns>Plain text; with <paramref name="follow"/> until that attempt's rank has ended.</returns>
    public Task<HttpResponseMessage> LogAsync(string sweep, int trial, int attempt, int rank, bool follow, CancellationToken stop) =>
        connection.StreamAsync($"{Of(sweep, trial)}/logs?attempt={attempt}&rank={rank}{(follow ? "&follow=true" : "")}", stop);

    public async Task<IReadOnlyList<CheckpointView>> CheckpointsAsync(string sweep, int trial, CancellationToken stop) =>
        (await connection.GetAsync<CheckpointPage>($"{Of(sweep, trial)}/checkpoints", stop)).Checkpoints;

    public Task<IReadOnlyList<NodeView>> NodesAsync(CancellationToken stop) =>
        PagesAsync<NodePage, NodeView, string>("/api/v1/nodes", "", page => (page.Nodes, page.Next), stop);

    private static string Of(string sweep) => $"{Sweeps}/{Uri.EscapeDataString(sweep)}";

    private static string Of(string sweep, int trial) => $"{Of(sweep)}/trials/{trial.ToString(CultureInfo.InvariantCulture)}";

    private async Task<IReadOnlyList<TItem>> PagesAsync<TPage, TItem, TKey>(
        string path, string query, Func<TPage, (IReadOnlyList<TItem> Items, TKey? Next)> read, CancellationToken stop)
    {
        var all = new List<TItem>();
        for (var after = ""; ;)
        {
            var (items, next) = read(await connection.GetAsync<TPage>($"{path}?{query}{after}limit={Paging.MaxLimit}", stop));
            all.AddRange(items);
            if (next is null) return all;
            after = $"after={Uri.EscapeDataString($"{next}")}&";
        }
    }
}

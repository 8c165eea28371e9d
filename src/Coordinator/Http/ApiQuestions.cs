using Akka.Actor;
using Akka.Hosting;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Http;

/// <summary>What routes ask the manager; answers that are none become problems.</summary>
internal sealed class ApiQuestions(IRequiredActor<SweepManagerActor> manager, TimeProvider clock)
{
    /// <summary>The manager answers in milliseconds; longer means that it is recovering or moving.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    public DateTimeOffset Now => clock.GetUtcNow();

    public async Task<Inventory> InventoryAsync(CancellationToken stop) => (await AskAsync<InventoryAnswer>(new GetInventory(), AnswerTimeout, stop)).Inventory;

    public async Task<IReadOnlyList<SweepId>> SweepsAsync(CancellationToken stop) => (await AskAsync<SweepList>(new ListSweeps(), AnswerTimeout, stop)).Sweeps;

    /// <param name="command">Null to look only.</param>
    /// <returns>The sweep after it, and what a person should know about it.</returns>
    /// <exception cref="ApiProblemException">There is no such sweep, it cannot be recovered, or it refuses.</exception>
    public async Task<(SweepState State, IReadOnlyList<string> Notes)> SteerAsync(string name, PersonCommand? command, CancellationToken stop)
    {
        var id = ApiProblems.CheckName(name);
        return await AskAsync<object>(new SteerSweep(id, command), AnswerTimeout, stop) switch
        {
            SweepAnswer answer => (answer.State, answer.Notes),
            SteerRefused refused => throw new ApiProblemException(StatusCodes.Status409Conflict, "Not possible now", refused.Reason),
            SweepUnreadable unreadable => throw ApiProblems.Unreadable(id, unreadable.Reason),
            SweepUnknown => throw ApiProblems.NoSuchSweep(name, await SweepsAsync(stop)),
            var other => throw new InvalidOperationException($"{other.GetType().Name} is no answer to a command."),
        };
    }

    public async Task<SweepState> LookAsync(string name, CancellationToken stop) => (await SteerAsync(name, null, stop)).State;

    /// <exception cref="ApiProblemException">There is no such trial.</exception>
    public async Task<(SweepState Sweep, TrialState Trial)> TrialAsync(string name, int number, CancellationToken stop)
    {
        var sweep = await LookAsync(name, stop);
        return (sweep, sweep.Find(sweep.IdOf(number)) ?? throw ApiProblems.NoSuchTrial(sweep.Id, number, sweep.Trials.Count));
    }

    /// <summary>For a list: one that cannot be read or does not answer soon is a row too.</summary>
    public async Task<SweepRow> RowAsync(SweepId id, CancellationToken stop)
    {
        try
        {
            return await AskAsync<object>(new SteerSweep(id, null), TimeSpan.FromSeconds(2), stop) switch
            {
                SweepAnswer answer => SweepViewFactory.Row(answer.State),
                SweepUnreadable unreadable => Unknown("unreadable", unreadable.Reason),
                _ => Unknown("recovering", null),
            };
        }
        catch (AskTimeoutException)
        {
            return Unknown("recovering", null);
        }

        SweepRow Unknown(string state, string? problem) => new(id.Value, state, 0, null, 0, 0, 0, null, problem);
    }

    public Task<object> SubmitAsync(SubmitSweep submission, CancellationToken stop) => AskAsync<object>(submission, AnswerTimeout, stop);

    /// <param name="command">Drain, exclude or take back.</param>
    /// <exception cref="ApiProblemException">There is no such node.</exception>
    public async Task<NodeAnswer> SteerNodeAsync(object command, CancellationToken stop) => await AskAsync<object>(command, AnswerTimeout, stop) switch
    {
        NodeAnswer answer => answer,
        NodeUnknown unknown => throw ApiProblems.NoSuchNode(unknown.Node, unknown.Known),
        var other => throw new InvalidOperationException($"{other.GetType().Name} is no answer to a command about a node."),
    };

    private async Task<T> AskAsync<T>(object question, TimeSpan timeout, CancellationToken stop) => await (await manager.GetAsync(stop)).Ask<T>(question, timeout, stop);
}

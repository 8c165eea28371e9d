using System.Collections.Immutable;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Http;

/// <summary>How a sweep comes in.</summary>
internal static class SubmitApi
{
    // A person who runs one file a thousand times under its own name has a script that should name its sweeps.
    private const int MostCopies = 1000;

    /// <returns>201 for a new sweep; 200 for one that was submitted before, unless another run of it was asked for.</returns>
    public static async Task<IResult> SubmitAsync(SubmitRequest request, ApiQuestions questions, CancellationToken stop)
    {
        var name = NameOf(request);
        for (var copy = 1; copy <= MostCopies; copy++)
        {
            var submission = SubmissionOf(request, copy == 1 ? name : NameOfCopy(name, copy), copy);
            if (copy == 1) SubmissionCheck.Check(submission);
            switch (await questions.SubmitAsync(new SubmitSweep(new SweepId(submission.Name), submission, EvenIfKnown: request.IsNew), stop))
            {
                case SweepAnswer { IsNew: true } created: return await AnswerAsync(created.State, true, questions, stop);
                case SweepAnswer or SubmissionConflict or SweepUnreadable when request.IsNew: break;       // that name is taken: the next
                case SweepAnswer known: return await AnswerAsync(known.State, false, questions, stop);
                case AlreadySubmitted same: return await AnswerAsync(await questions.LookAsync(same.Sweep.Value, stop), false, questions, stop);
                case SubmissionConflict conflict:
                    throw new ApiProblemException(StatusCodes.Status409Conflict, "Another sweep has this name",
                        $"Sweep {conflict.Sweep} was made from {conflict.Existing.FileName} with other contents or settings.");
                case SweepUnreadable unreadable: throw ApiProblems.Unreadable(unreadable.Sweep, unreadable.Reason);
                case var other: throw new InvalidOperationException($"{other.GetType().Name} is no answer to a submission.");
            }
        }
        throw new ApiProblemException(StatusCodes.Status409Conflict, "Too many copies", $"{name} and {name}-2 to {name}-{MostCopies} exist: give this one a name of its own.");
    }

    private static async Task<IResult> AnswerAsync(SweepState state, bool isNew, ApiQuestions questions, CancellationToken stop)
    {
        var answer = new SubmitAnswer(isNew, SweepViewFactory.Of(state, null, 0, await questions.InventoryAsync(stop), questions.Now));
        return isNew ? TypedResults.Created($"/api/v1/sweeps/{state.Id}", answer) : TypedResults.Ok(answer);
    }

    /// <summary>As the text says, with all that is wrong with it.</summary>
    private static string NameOf(SubmitRequest request) => SweepPlanner.Plan(SubmissionOf(request, "sweep", 1)).Spec.Name;

    private static string NameOfCopy(string name, int copy)
    {
        var suffix = $"-{copy}";
        return name[..Math.Min(name.Length, 63 - suffix.Length)] + suffix;
    }

    /// <summary>A copy is the same file with another name on top, so that its results and its folders carry that name.</summary>
    private static SweepSubmission SubmissionOf(SubmitRequest request, string name, int copy) => new(
        name, request.FileName, request.Text, copy == 1 ? OverridesOf(request) : OverridesOf(request).Add($"name={name}"),
        request.BaseDirectory, request.CheckpointRoot, request.DataRoot);

    // JSON may hold null where the record has a default.
    private static ImmutableArray<string> OverridesOf(SubmitRequest request) => request.Overrides.IsDefault ? [] : request.Overrides;
}

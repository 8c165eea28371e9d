using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Processes;
using Volley.GpuNode.Training;
using Volley.Shared;
using Volley.Shared.Failpoints;
using Volley.Shared.Serialization;

namespace Volley.GpuNode.Rank;

/// <summary>The training itself. Runs on the rank's one training thread; throws what is wrong with the trial.</summary>
/// <param name="stop">Finish the step under way, write a checkpoint, return.</param>
internal delegate TrialRunResult TrialBody(StartTrial start, ITrialObserver observer, CancellationToken stop);

/// <summary>One rank's life between attaching and its last words: one thread trains, the rest of the process listens.</summary>
internal sealed class RankLife(RankLinkClient link, TrialBody body, TimeProvider time)
{
    // Autograd and generated code recurse over deep models; the pages are only touched where they are used.
    private const int TrainingStackBytes = 64 << 20;

    private volatile bool _isSayingGoodbye;

    /// <param name="stop">SIGTERM: as if the agent had asked.</param>
    /// <returns>One of <see cref="RankExitCodes"/>.</returns>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(link.StopRequested, stop);
        // Without an agent this rank is nobody's: it must not go on writing while another takes its place.
        await using var gone = link.Closed.Register(() => { if (!_isSayingGoodbye) Posix.ExitNow(RankExitCodes.AgentGone); });

        Failpoint.Hit(FailpointNames.RankAttached);
        var ended = await TrainAsync(stopping.Token);
        Failpoint.Hit(FailpointNames.RankBeforeLastWords);
        _isSayingGoodbye = true;
        try
        {
            await link.EndAsync(ended);
            return RankExitCodes.Told;
        }
        catch (TimeoutException)
        {
            return RankExitCodes.AgentGone;
        }
    }

    private Task<Ended> TrainAsync(CancellationToken stop)
    {
        var result = new TaskCompletionSource<Ended>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => result.SetResult(Train(stop)), TrainingStackBytes) { Name = "training", IsBackground = true };
        thread.Start();
        return result.Task;
    }

    /// <summary>Whatever the trial throws ends the trial, not the report of it.</summary>
    private Ended Train(CancellationToken stop)
    {
        try
        {
            using var steps = link.Start.StepFile.Length > 0 ? StepRecord.Open(link.Start.StepFile) : null;
            var result = body(link.Start, new LinkObserver(link.Post, steps, time, link.Attempt), stop);
            return result.End == TrialEnd.Stopped ? new Ended { End = End.Stopped } : Finished(result);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return new Ended { End = End.Stopped };   // before the first step: its newest checkpoint is the one it was given
        }
        catch (CheckpointWriteException error) when (stop.IsCancellationRequested)
        {
            // Asked to stop, and the store takes nothing: the steps since the last commit are lost, the trial is not.
            Console.Out.WriteLine(error.Message);
            return new Ended { End = End.Stopped };
        }
        catch (CheckpointWriteException error)
        {
            // Another machine's disk may have room: no reason to give the trial up at once.
            return new Ended { End = End.Failed, Error = error.Message };
        }
        catch (UserErrorException error)
        {
            return new Ended { End = End.Failed, Error = error.Message, IsUserError = true };
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error);   // the agent keeps it in the trial's log
            return new Ended { End = End.Failed, Error = RankFailure.Describe(error) };
        }
    }

    private static Ended Finished(TrialRunResult result) => new()
    {
        End = End.Finished,
        // The epochs were reported one by one.
        Outcome = result.Outcome is { } outcome ? (outcome with { Epochs = [] }).ToWire() : null,
    };
}

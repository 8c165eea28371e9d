using Volley.Shared.Messages;

namespace Volley.GpuNode.Rank;

/// <summary>One message for whoever reads the leaderboard; the stack trace is in the trial's log.</summary>
internal static class RankFailure
{
    public static string Describe(Exception error) => MessageLimits.Clip(error switch
    {
        OutOfMemoryException => OutOfMemory(error),
        _ when error.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
            || error.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase) => OutOfMemory(error),
        // Our own exceptions say all that is needed; others need their type to be understood.
        _ when error.GetType().Assembly == typeof(RankFailure).Assembly => error.Message,
        _ => $"{error.GetType().Name}: {error.Message}",
    });

    private static string OutOfMemory(Exception error) =>
        $"Out of memory: lower train.global_batch_size (or raise train.accumulate_steps), or the model's size. ({FirstLine(error.Message)})";

    private static string FirstLine(string text) => text.AsSpan().IndexOf('\n') is >= 0 and var end ? text[..end] : text;
}

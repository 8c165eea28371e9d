using System.Collections.Concurrent;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.CheckpointCopies;

/// <summary>Carries out <see cref="CopyCheckpoint"/>: each checkpoint once, however often the command comes.</summary>
internal sealed class CheckpointCopier(CheckpointFetcher fetcher, NodeId self, ILogger log) : IDisposable
{
    private readonly ConcurrentDictionary<string, byte> _running = new();
    private readonly CancellationTokenSource _ending = new();

    /// <param name="directory">Absolute; null: the command names nothing under this agent's root.</param>
    /// <param name="tell">The answer; called once, from another thread.</param>
    public void Copy(CopyCheckpoint command, string? directory, Action<CheckpointCopied> tell)
    {
        CheckpointCopied Answer(string problem) => new(command.Trial, command.Attempt, command.Checkpoint.RelativePath, self, MessageLimits.Clip(problem));
        if (directory is null)
        {
            tell(Answer($"'{command.Checkpoint.RelativePath}' under '{command.CheckpointRoot}' is no checkpoint under this agent's --checkpoint-root."));
            return;
        }
        if (!_running.TryAdd(directory, 0)) return;
        _ = Task.Run(async () =>
        {
            try
            {
                var problem = await fetcher.FetchAsync(command.Trial, directory, command.Checkpoint, _ending.Token);
                if (problem is null) log.LogInformation("{Trial}: copied checkpoint {Path}", command.Trial, command.Checkpoint.RelativePath);
                else log.LogWarning("{Trial}: checkpoint {Path} could not be copied: {Problem}", command.Trial, command.Checkpoint.RelativePath, problem.Text);
                // First forgotten: the next command may be on its way.
                _running.TryRemove(directory, out _);
                tell(Answer(problem?.Text ?? ""));
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                // This agent is ending: the coordinator asks another.
            }
            finally
            {
                _running.TryRemove(directory, out _);
            }
        });
    }

    public void Dispose()
    {
        _ending.Cancel();
        _ending.Dispose();
    }
}

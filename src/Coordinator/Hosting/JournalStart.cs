using Volley.Coordinator.Journal;
using Volley.Shared;

namespace Volley.Coordinator.Hosting;

/// <summary>A coordinator begins when its journal can be used: a server that is still starting, or a full disk, is waited for.</summary>
internal static class JournalStart
{
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TellPeriod = TimeSpan.FromSeconds(10);

    /// <exception cref="UserErrorException">Waiting does not help, or it is another cluster's.</exception>
    public static async Task<JournalIdentity> PrepareAsync(IJournalStore journal, string clusterName, Action<string> tell, TimeProvider clock, CancellationToken stop)
    {
        long? told = null;
        while (true)
        {
            try
            {
                var identity = await journal.PrepareAsync(clusterName, stop);
                if (identity.ClusterName != clusterName)
                    throw new UserErrorException($"The journal ({journal.Description}) is that of the cluster \"{identity.ClusterName}\", not of \"{clusterName}\": start with --cluster-name {identity.ClusterName}, or give this cluster a journal of its own.");
                if (told is not null) tell($"The journal ({journal.Description}) can be used now.");
                return identity;
            }
            catch (Exception error) when (error is not UserErrorException && JournalFailure.IsPassing(error))
            {
                if (told is not { } last || clock.GetElapsedTime(last) >= TellPeriod)
                {
                    told = clock.GetTimestamp();
                    tell($"The journal ({journal.Description}) cannot be used: {JournalFailure.Explain(error)} Trying again.");
                }
            }
            await Task.Delay(RetryPeriod, clock, stop);
        }
    }
}

using System.Security.Cryptography;
using System.Threading.Channels;
using Volley.GpuNode.Link.Wire;

namespace Volley.GpuNode.Link;

/// <summary>The agent's end of the conversation with one rank: expected first, attached once, then closed for good.</summary>
internal sealed class RankSession(RankKey key)
{
    public const int SecretBytes = 32;

    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(SecretBytes);
    private readonly TaskCompletionSource<int> _pid = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<FromRank> _incoming = Channel.CreateUnbounded<FromRank>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly Channel<ToRank> _outgoing = Channel.CreateUnbounded<ToRank>(new UnboundedChannelOptions { SingleReader = true });
    private int _isTaken;

    public RankKey Key => key;

    /// <summary>Goes to the child's standard input, nowhere else.</summary>
    public string SecretHex => Convert.ToHexStringLower(_secret);

    /// <summary>The rank has proved who it is.</summary>
    public Task Attached => _attached.Task;

    /// <summary>What the rank says after Hello, in its order; ends when the connection does.</summary>
    public ChannelReader<FromRank> Incoming => _incoming.Reader;

    /// <summary>Known once the child was spawned: nobody else may attach.</summary>
    public void SpawnedAs(int pid) => _pid.TrySetResult(pid);

    /// <summary>To the rank, once it is attached. Dropped when the connection has ended.</summary>
    public void Post(ToRank message) => _outgoing.Writer.TryWrite(message);

    /// <summary>Ends the conversation from this side; the rank exits when it sees that.</summary>
    public void Close()
    {
        _pid.TrySetCanceled();
        _outgoing.Writer.TryComplete();
        _incoming.Writer.TryComplete();
    }

    internal Task<int> PidAsync(CancellationToken stop) => _pid.Task.WaitAsync(stop);

    internal bool IsSecret(ReadOnlySpan<byte> candidate) => CryptographicOperations.FixedTimeEquals(candidate, _secret);

    /// <returns>False for the second who tries.</returns>
    internal bool TryTake() => Interlocked.Exchange(ref _isTaken, 1) == 0;

    internal void SetAttached() => _attached.TrySetResult();

    internal void Deliver(FromRank message) => _incoming.Writer.TryWrite(message);

    internal ChannelReader<ToRank> Outgoing => _outgoing.Reader;
}

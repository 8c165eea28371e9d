using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using Volley.Shared;

namespace Volley.GpuNode.Collectives.Local;

/// <summary>One child process of a <see cref="LocalGroup"/>.</summary>
internal sealed class LocalRank : IDisposable
{
    public const string ListeningWord = "listening ";
    public const string ReportWord = "result ";

    // What a rank says on its way out is for a message: the end of it is enough.
    private const int KeptErrorLines = 20;

    private readonly Process _process;
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<string> _reports = Channel.CreateUnbounded<string>();
    private readonly Queue<string> _errors = new();
    private readonly Task _output;
    private readonly Task _error;

    public LocalRank(Process process, int position)
    {
        (_process, Position) = (process, position);
        _output = ReadOutputAsync();
        _error = ReadErrorAsync();
        Ended = EndAsync();
    }

    public int Position { get; }

    public int Pid => _process.Id;

    /// <summary>What its body reported, one line each; ends with the process.</summary>
    public ChannelReader<string> Reports => _reports.Reader;

    /// <summary>Exit code; 128 + signal where it was killed.</summary>
    public Task<int> Ended { get; }

    /// <summary>The last lines of its standard error.</summary>
    public string Errors
    {
        get
        {
            lock (_errors) return string.Join('\n', _errors);
        }
    }

    /// <exception cref="UserErrorException">It ended instead.</exception>
    public async Task<int> PortAsync(CancellationToken cancellation)
    {
        await Task.WhenAny(_port.Task, Ended).WaitAsync(cancellation);
        return _port.Task.IsCompletedSuccessfully ? await _port.Task : throw await FailureAsync();
    }

    /// <summary>One line for its body.</summary>
    public async Task SendAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    public void Kill()
    {
        try { _process.Kill(); }
        catch (InvalidOperationException) { /* it has ended by itself in this moment */ }
    }

    /// <returns>What to say about a rank that did not end well: bad input stays bad input.</returns>
    public async Task<Exception> FailureAsync()
    {
        var code = await Ended;
        return code == UserErrorException.ExitCode
            ? new UserErrorException(Errors)
            : new InvalidOperationException($"Rank {Position} of the local group ended with exit code {code}.\n{Errors}");
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            // Libraries may write lines of their own.
            if (line.StartsWith(ReportWord, StringComparison.Ordinal)) _reports.Writer.TryWrite(line[ReportWord.Length..]);
            else if (line.StartsWith(ListeningWord, StringComparison.Ordinal)) _port.TrySetResult(int.Parse(line[ListeningWord.Length..], CultureInfo.InvariantCulture));
        }
    }

    private async Task ReadErrorAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
            {
                if (_errors.Count == KeptErrorLines) _errors.Dequeue();
                _errors.Enqueue(line);
            }
        }
    }

    private async Task<int> EndAsync()
    {
        await Task.WhenAll(_output, _error);
        await _process.WaitForExitAsync();
        _reports.Writer.Complete();
        return _process.ExitCode;
    }
}

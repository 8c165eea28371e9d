using System.Runtime.InteropServices;

namespace Volley.Shared.Cli;

/// <summary>Ctrl-C and SIGTERM as a token: the first asks for a clean stop, a second ends the process at once with code 130.</summary>
public sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    /// <param name="onFirst">Told once, before the token is cancelled; for one line that says what happens now.</param>
    public Interruption(Action<PosixSignal>? onFirst = null)
    {
        void Handle(PosixSignalContext context)
        {
            context.Cancel = true;
            if (_stop.IsCancellationRequested) Environment.Exit(CommandLineHost.InterruptedExitCode);
            onFirst?.Invoke(context.Signal);
            _stop.Cancel();
        }
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
    }

    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _stop.Dispose();
    }
}

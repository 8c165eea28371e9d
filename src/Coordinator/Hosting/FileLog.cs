using System.Collections.Concurrent;
namespace Volley.Coordinator.Hosting;

/// <summary>Log lines of the host and the actor system into one file: the terminal belongs to the table.</summary>
/// <remarks>
/// Lines are written as they come, so that the last ones are there after a crash. A full disk costs lines, not the coordinator: how many
/// is written when there is room again.
/// </remarks>
internal sealed class FileLog : ILoggerProvider
{
    private readonly ConcurrentDictionary<string, ILogger> _loggers = new();
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer;
    private readonly TimeProvider _clock;
    private bool _isClosed;
    private long _linesLost;

    public FileLog(string path, TimeProvider clock)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _writer = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        _clock = clock;
    }

    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(categoryName, category => new CategoryLog(this, category));

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            try
            {
                _writer.Dispose();
            }
            catch (IOException)
            {
                // What a full disk did not take is in the writer still.
            }
        }
    }

    private void Write(LogLevel level, string category, string message, Exception? error)
    {
        var line = $"{_clock.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {level} {category}: {message}{(error is null ? "" : "\n" + error)}";
        lock (_lock)
        {
            if (_isClosed) return;
            try
            {
                if (_linesLost > 0) line = $"{_clock.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} Warning {GetType().FullName}: {_linesLost} lines could not be written.\n{line}";
                _writer.WriteLine(line);
                _linesLost = 0;
            }
            catch (IOException)
            {
                _linesLost++;
            }
        }
    }

    private sealed class CategoryLog(FileLog file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) file.Write(logLevel, category, formatter(state, exception), exception);
        }
    }
}

using System.Collections.Concurrent;

namespace Volley.GpuNode.Agent;

/// <summary>The agent's own log, one line per event: a file, or standard error.</summary>
internal sealed class AgentLog(TextWriter writer, TimeProvider time, LogLevel minimum = LogLevel.Information) : ILoggerProvider
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, ILogger> _loggers = new();

    /// <param name="path">Null: standard error.</param>
    public static AgentLog Open(string? path, TimeProvider time)
    {
        if (path is null) return new AgentLog(Console.Error, time);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read | FileShare.Delete);
        return new AgentLog(new StreamWriter(file) { AutoFlush = true }, time);
    }

    public ILogger CreateLogger(string categoryName) =>
        _loggers.GetOrAdd(categoryName, name => new Category(this, name[(name.LastIndexOf('.') + 1)..], name.StartsWith("Volley.", StringComparison.Ordinal) ? minimum : LogLevel.Warning));

    public void Dispose()
    {
        lock (_lock)
            if (writer is StreamWriter { BaseStream: FileStream }) writer.Dispose();
    }

    private sealed class Category(AgentLog log, string name, LogLevel minimum) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var text = $"{log.Now:yyyy-MM-ddTHH:mm:ss.fffZ} {logLevel.ToString().ToLowerInvariant()} {name}: {formatter(state, exception)}{(exception is null ? "" : $"\n{exception}")}";
            log.WriteLine(text);
        }
    }

    private DateTimeOffset Now => time.GetUtcNow();

    private void WriteLine(string text)
    {
        lock (_lock)
        {
            try { writer.WriteLine(text); }
            catch (Exception error) when (error is IOException or ObjectDisposedException)
            {
                // A full disk, or the last words of something that outlived the log: an agent goes on without them.
            }
        }
    }
}

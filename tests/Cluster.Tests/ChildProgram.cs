using System.Diagnostics;
using Volley.TestKit;

namespace Volley.Cluster.Tests;

/// <summary>One of Volley's programs as a child process, with its lines, and conditions on them instead of sleeps.</summary>
internal sealed class ChildProgram : IAsyncDisposable
{
    private static readonly string Configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Is, TaskCompletionSource<string> Seen)> _awaited = [];

    private ChildProgram(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static string Volley => PathOf("Coordinator", "volley");

    public static string VolleyNode => PathOf("GpuNode", "volley-node");

    public int Pid => _process.Id;

    public string Output
    {
        get { lock (_lock) return string.Join('\n', _lines); }
    }

    public static ChildProgram Start(string program, params IEnumerable<string> arguments) => Start(program, new Dictionary<string, string>(), arguments);

    public static ChildProgram Start(string program, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["VOLLEY_NODE_PROGRAM"] = VolleyNode;
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return new ChildProgram(Process.Start(start)!);
    }

    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>The first line, past or future, that is meant.</summary>
    public async Task<string> LineAsync(Func<string, bool> isMeant, TimeSpan timeout)
    {
        var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_lines.FirstOrDefault(isMeant) is { } past) return past;
            _awaited.Add((isMeant, seen));
        }
        var ended = _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var first = await Task.WhenAny(seen.Task, ended, Task.Delay(timeout, TestContext.Current.CancellationToken));
        if (!seen.Task.IsCompleted) Assert.Fail($"{(first == ended ? "The program ended" : $"{timeout.TotalSeconds} s passed")} without the awaited line. It said:\n{Output}");
        return await seen.Task;
    }

    public async Task<int> ExitCodeAsync(TimeSpan timeout)
    {
        try
        {
            await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(timeout, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"The program did not end within {timeout.TotalSeconds} s. It said:\n{Output}");
        }
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_lock)
        {
            _lines.Add(line);
            foreach (var (_, seen) in _awaited.Where(awaited => awaited.Is(line))) seen.TrySetResult(line);
        }
    }

    private static string PathOf(string project, string program) =>
        Path.Combine(SharedFiles.RepositoryRoot, "artifacts", "bin", project, Configuration, program);
}

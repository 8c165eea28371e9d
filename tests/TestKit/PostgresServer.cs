using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Volley.TestKit;

/// <summary>
/// A real PostgreSQL server of this machine's packages, in a temporary folder, on loopback, run by an unprivileged user; it ends with the
/// test process however that ends. Where there is none, the calling test is skipped, or fails under <c>--all</c>.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    public const string User = "volley";
    public const string Password = "p@ss:word/of tests";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("volley-pg-").FullName;
    private string _programs = "";
    private Process? _server;

    public int Port { get; private set; }

    /// <summary>What <c>--journal</c> takes.</summary>
    public string Url(string database = "postgres") => $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{Port}/{database}";

    public async ValueTask InitializeAsync()
    {
        _programs = Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql").OrderByDescending(path => int.Parse(Path.GetFileName(path))).Select(path => Path.Combine(path, "bin")).FirstOrDefault(path => File.Exists(Path.Combine(path, "postgres"))) ?? ""
            : "";
        if (_programs.Length == 0)
        {
            SharedFiles.SkipOrFail("PostgreSQL is not installed (Debian: postgresql).");
            return;
        }
        var password = Path.Combine(_folder, "password");
        await File.WriteAllTextAsync(password, Password);
        if (Environment.IsPrivilegedProcess) await RunAsync("chown", "-R", "postgres", _folder);
        await RunAsync([.. AsServer(), Path.Combine(_programs, "initdb"), "--no-sync", "-D", Data, "-U", User, "-A", "scram-sha-256", $"--pwfile={password}", "-E", "UTF8", "--locale=C"]);
        Port = FreePort();
        await StartAsync();
    }

    /// <summary>Starts it, again on the same port and data.</summary>
    public async Task StartAsync()
    {
        // The shell ends the server when its input closes: with this process, or in StopAsync.
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] server = [.. AsServer(), Path.Combine(_programs, "postgres"), "-D", Data, "-p", $"{Port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"];
        foreach (var word in (string[])["-c", "\"$0\" \"$@\" & read -r _; kill -INT $(head -n 1 \"$PGDATA/postmaster.pid\"); wait", .. server]) start.ArgumentList.Add(word);
        start.Environment["PGDATA"] = Data;
        _server = Process.Start(start)!;
        _server.OutputDataReceived += (_, _) => { };
        _server.ErrorDataReceived += (_, _) => { };
        _server.BeginOutputReadLine();
        _server.BeginErrorReadLine();
        var started = TimeProvider.System.GetTimestamp();
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (await ExitCodeAsync(Path.Combine(_programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", $"{Port}") != 0)
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience) Assert.Fail($"PostgreSQL did not start within {Patience.TotalSeconds} s.");
            await ticks.WaitForNextTickAsync();
        }
    }

    /// <summary>As <c>systemctl stop</c>: connections are closed, what was committed is kept.</summary>
    public async Task StopAsync()
    {
        if (_server is null) return;
        _server.StandardInput.Close();
        await _server.WaitForExitAsync().WaitAsync(Patience);
        _server.Dispose();
        _server = null;
    }

    public async Task CreateDatabaseAsync(string name)
    {
        var start = new ProcessStartInfo(Path.Combine(_programs, "createdb"), ["-h", "127.0.0.1", "-p", $"{Port}", "-U", User, name]);
        start.Environment["PGPASSWORD"] = Password;
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    /// <summary>PostgreSQL refuses to run as root.</summary>
    private static string[] AsServer() => Environment.IsPrivilegedProcess ? ["/usr/sbin/runuser", "-u", "postgres", "--"] : ["/usr/bin/env"];

    private static async Task RunAsync(params string[] words) => Assert.Equal(0, await ExitCodeAsync(words));

    private static async Task<int> ExitCodeAsync(params string[] words)
    {
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true, WorkingDirectory = "/" };
        using var process = Process.Start(start)!;
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

using System.Text;

namespace Volley.GpuNode.Agent;

/// <summary>A rank's standard output and error: a file that cannot fill the disk, and the last lines for whoever asks why it ended.</summary>
internal sealed class RankLog : IDisposable
{
    /// <summary>One file and its predecessor: at most twice this per rank. An epoch writes a few hundred bytes.</summary>
    public const long FileBytes = 8L << 20;

    private const int KeptLines = 50;
    private const int MaxLineChars = 4096;

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly long _fileBytes;
    private readonly Queue<string> _last = new();
    private FileStream? _file;
    private long _written;

    /// <param name="fileBytes">Smaller in tests.</param>
    public RankLog(string path, TimeProvider time, long fileBytes = FileBytes)
    {
        (_path, _time, _fileBytes) = (path, time, fileBytes);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read | FileShare.Delete);
        _written = _file.Length;
    }

    public IReadOnlyList<string> LastLines
    {
        get { lock (_lock) return [.. _last]; }
    }

    public void Write(string line)
    {
        if (line.Length > MaxLineChars) line = line[..MaxLineChars] + "…";
        lock (_lock)
        {
            if (_file is null) return;
            _last.Enqueue(line);
            if (_last.Count > KeptLines) _last.Dequeue();
            var bytes = Encoding.UTF8.GetBytes($"{_time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {line}\n");
            try
            {
                if (_written + bytes.Length > _fileBytes) Rotate();
                _file.Write(bytes);
                _file.Flush();
                _written += bytes.Length;
            }
            catch (IOException error)
            {
                // A full disk must not end training; whoever reads LastLines learns why the file stops.
                _last.Enqueue($"(the log file could not be written: {error.Message})");
            }
        }
    }

    /// <summary>Reads until the pipe closes. An endless line without a newline is cut, not collected.</summary>
    public async Task DrainAsync(Stream output)
    {
        var decoder = Encoding.UTF8.GetDecoder();
        var bytes = new byte[8192];
        var chars = new char[8192 + 1];
        var line = new StringBuilder();
        int count;
        while ((count = await output.ReadAsync(bytes)) > 0)
        {
            foreach (var c in chars.AsMemory(0, decoder.GetChars(bytes, 0, count, chars, 0)).ToArray())
            {
                if (c == '\n') { Write(line.ToString().TrimEnd('\r')); line.Clear(); }
                else if (line.Length <= MaxLineChars) line.Append(c);
            }
        }
        if (line.Length > 0) Write(line.ToString());
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private void Rotate()
    {
        _file!.Dispose();
        File.Move(_path, _path + ".1", overwrite: true);
        _file = new FileStream(_path, FileMode.Create, FileAccess.Write, FileShare.Read | FileShare.Delete);
        _written = 0;
    }
}

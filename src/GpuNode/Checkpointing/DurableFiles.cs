using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Volley.Shared;
using Volley.Shared.Checkpoints;

namespace Volley.GpuNode.Checkpointing;

/// <summary>Files and directories that are still there after the power was cut.</summary>
internal static partial class DurableFiles
{
    /// <summary>Writes a new file through <paramref name="write"/>, hashing on the way, and waits until the disk has it.</summary>
    public static CheckpointFile Write(string path, Action<Stream> write)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        using var hashing = new HashingStream(file);
        var buffered = new BufferedStream(hashing, 1 << 16);
        write(buffered);
        buffered.Flush();
        file.Flush(flushToDisk: true);
        return new CheckpointFile(Path.GetFileName(path), hashing.Written, hashing.Sha256());
    }

    /// <summary>Writes what comes from another machine to a new file, as long as it is what was promised.</summary>
    /// <exception cref="UserErrorException">Other bytes than promised, fewer, or more.</exception>
    public static async Task ReceiveAsync(string path, Stream source, CheckpointFile promised, CancellationToken stop)
    {
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: true);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 17];
        var left = promised.Bytes;
        int count;
        while ((count = await source.ReadAsync(buffer, stop)) > 0)
        {
            if ((left -= count) < 0) throw new UserErrorException($"{promised.Name} has more than the {promised.Bytes} bytes that its manifest says.");
            hash.AppendData(buffer.AsSpan(0, count));
            await file.WriteAsync(buffer.AsMemory(0, count), stop);
        }
        if (left > 0) throw new UserErrorException($"{promised.Name} ends {left} bytes before the {promised.Bytes} that its manifest says.");
        var found = Convert.ToHexStringLower(hash.GetCurrentHash());
        if (found != promised.Sha256) throw new UserErrorException($"{promised.Name} has SHA-256 {found}, its manifest says {promised.Sha256}.");
        file.Flush(flushToDisk: true);
    }

    /// <summary>Names in a directory (new, renamed, deleted) survive a crash only after this.</summary>
    public static void SyncDirectory(string path)
    {
        const int ReadOnlyDirectory = 0x10000;   // O_RDONLY | O_DIRECTORY on Linux
        var descriptor = Open(path, ReadOnlyDirectory);
        if (descriptor < 0) throw Failure("open", path);
        try
        {
            if (Sync(descriptor) != 0) throw Failure("fsync", path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Failure(string call, string path) => new($"{path}: {call} failed: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    /// <summary>Passes bytes on and keeps their SHA-256, so that a file is not read again to be hashed. Leaves the inner stream open.</summary>
    private sealed class HashingStream(Stream inner) : Stream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public long Written { get; private set; }

        public string Sha256() => Convert.ToHexStringLower(_hash.GetCurrentHash());

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _hash.AppendData(buffer);
            Written += buffer.Length;
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        protected override void Dispose(bool disposing)
        {
            if (disposing) _hash.Dispose();
            base.Dispose(disposing);
        }

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => Written;
        public override long Position { get => Written; set => throw new NotSupportedException(); }
        public override void Flush() => inner.Flush();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}

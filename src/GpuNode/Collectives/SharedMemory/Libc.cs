using System.Runtime.InteropServices;

namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>The system calls of shared memory. Linux, 64 bits.</summary>
internal static partial class Libc
{
    public const int NoSpace = 28;     // ENOSPC
    public const int Exists = 17;      // EEXIST
    public const int NotFound = 2;     // ENOENT

    private const int FutexWait = 0;   // shared between processes: not the _PRIVATE ones
    private const int FutexWake = 1;
    private const long FutexCall = 202;   // x86-64; arm64 has another number
    private const long FutexCallArm64 = 98;
    private const int Populate = 0x8000;

    private static readonly long Futex = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? FutexCallArm64 : FutexCall;

    /// <returns>A descriptor, or −1 with errno: the file is new, and only this user's.</returns>
    public static int Create(string path) => Open(path, 2 | 0x40 | 0x80 | 0x80000, 0x180);   // O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600

    /// <returns>A descriptor, or −1 with errno.</returns>
    public static int OpenExisting(string path) => Open(path, 2 | 0x80000 | (RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000), 0);   // O_NOFOLLOW

    /// <returns>errno: 0 where all of it is there. A file made longer without this ends in SIGBUS when memory is short.</returns>
    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    public static partial int Reserve(int descriptor, long offset, long bytes);

    /// <returns>Where all of the file lies, its pages mapped already; −1 with errno.</returns>
    public static nint Map(int descriptor, long bytes) => MapMemory(0, (nuint)bytes, 1 | 2, 1 | Populate, descriptor, 0);   // PROT_READ | PROT_WRITE, MAP_SHARED

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "unlink", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Unlink(string path);

    /// <summary>Lets another thread of this core go first.</summary>
    [LibraryImport("libc", EntryPoint = "sched_yield")]
    public static partial int Yield();

    /// <summary>Sleeps while the word is <paramref name="expected"/>, for so long at most. May return for no reason.</summary>
    public static unsafe void Wait(int* word, int expected, TimeSpan limit)
    {
        var time = stackalloc long[2] { (long)limit.TotalSeconds, limit.Nanoseconds + limit.Microseconds * 1000L + limit.Milliseconds * 1_000_000L };
        _ = FutexSystemCall(Futex, word, FutexWait, expected, time, null, 0);
    }

    public static unsafe void Wake(int* word) => _ = FutexSystemCall(Futex, word, FutexWake, int.MaxValue, null, null, 0);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapMemory(nint address, nuint bytes, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static unsafe partial long FutexSystemCall(long number, int* word, int operation, int value, long* timeout, int* other, int otherValue);
}

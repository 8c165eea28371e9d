using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Volley.GpuNode.Processes;
using Volley.Shared;

namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>
/// The mapped memory of a group, between forming and the end. The rank at position 0 makes the file, all map it and prove with the
/// attempt's secret that they mean the same group; then the file's name goes, and the memory ends with its last user.
/// </summary>
internal sealed unsafe class SharedSegment : IDisposable
{
    /// <summary>Of everything that ranks say to each other in it. +1 with any change of it.</summary>
    private const int Version = 1;

    private const string Prefix = "volley-group-";

    // Between looks at a peer that is not there yet: forming takes milliseconds, and waiting costs nothing.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(2);

    private const int CreatorAt = 128;

    private readonly nint _address;
    private readonly string _operation;

    private SharedSegment(nint address, SegmentLayout layout, string operation) => (_address, Layout, _operation) = (address, layout, operation);

    public SegmentLayout Layout { get; }

    /// <summary>0, or 1 + position of the rank that ended the group first.</summary>
    public ref int EndedBy => ref *(int*)(_address + 64);

    public static string PathOf(GroupDescription group, string channel, SharedMemorySettings settings)
    {
        // Says nothing about the secret, yet two groups of the same trial and attempt, formed anew, do not meet.
        var mark = Convert.ToHexStringLower(HMACSHA256.HashData(group.Secret.Span, Encoding.UTF8.GetBytes($"{group.Trial}|{group.Attempt}|{channel}")).AsSpan(0, 8));
        return Path.Combine(settings.Directory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}a{group.Attempt}-{channel}-{mark}"));
    }

    /// <exception cref="PeerLostException">Not all ranks came in time.</exception>
    /// <exception cref="UserErrorException">No memory for it, or a peer means another group.</exception>
    public static SharedSegment Form(GroupDescription group, int position, string channel, SegmentLayout layout, SharedMemorySettings settings, CancellationToken cancel)
    {
        var operation = $"Forming attempt {group.Attempt} of {group.Trial} in shared memory ({channel})";
        var path = PathOf(group, channel, settings);
        var deadline = Environment.TickCount64 + (long)settings.Form.TotalMilliseconds;
        if (position == 0) RemoveAbandoned(settings.Directory);
        var address = position == 0 ? CreateAndMap(path, layout, settings) : OpenAndMap(path, layout, deadline, cancel)
            ?? throw new PeerLostException(position, group.WorldSize, [0], operation, $"rank 0 has not made {path} within {settings.Form.TotalSeconds} s.");
        var segment = new SharedSegment(address, layout, operation);
        try
        {
            segment.Join(group, position, channel);
            segment.AwaitAll(group, position, channel, deadline, settings, cancel);
            return segment;
        }
        catch
        {
            segment.Dispose();
            throw;
        }
        finally
        {
            if (position == 0) _ = Libc.Unlink(path);
        }
    }

    public nint At(long offset) => _address + (nint)offset;

    public RankWords Words(int position) => new(At(Layout.RankOf(position)));

    public void Dispose() => _ = Libc.Unmap(_address, (nuint)Layout.TotalBytes);

    private void Join(GroupDescription group, int position, string channel)
    {
        var (own, self) = (Words(position), ProcessIdentity.Of(Environment.ProcessId)!);
        own.GreetingText = Greeting(group, channel);
        Proof(group, position, own.GreetingText).CopyTo(own.GreetingProof);
        own.Pid = self.Pid;
        own.StartTicks = self.StartTicks;
        own.PidNamespace = PeerLife.PidNamespace;
        Volatile.Write(ref own.State, (int)RankState.Joined);
    }

    private void AwaitAll(GroupDescription group, int position, string channel, long deadline, SharedMemorySettings settings, CancellationToken cancel)
    {
        for (var peer = 0; peer < group.WorldSize; peer++)
        {
            var words = Words(peer);
            while (Volatile.Read(ref words.State) == (int)RankState.Absent)
            {
                if (Environment.TickCount64 >= deadline)
                {
                    int[] silent = [.. Enumerable.Range(0, group.WorldSize).Where(p => Words(p).State == (int)RankState.Absent)];
                    throw new PeerLostException(position, group.WorldSize, silent, _operation, $"not there within {settings.Form.TotalSeconds} s.");
                }
                Pause(cancel);
            }
            var (own, theirs) = (Greeting(group, channel), words.GreetingText);
            if (!CryptographicOperations.FixedTimeEquals(Proof(group, peer, theirs), words.GreetingProof))
                throw new UserErrorException($"{_operation}: whoever took the place of rank {peer} does not know this attempt's secret.");
            if (own != theirs)
                throw new UserErrorException($"{_operation}: rank {position} has [{own}], rank {peer} has [{theirs}]. All ranks of an attempt must agree; give all nodes the same release and data.");
        }
    }

    private static string Greeting(GroupDescription group, string channel) =>
        $"version {Version}, trial {group.Trial}, attempt {group.Attempt}, ranks {string.Join(' ', group.Members.Select(member => member.Rank))}, shards {group.Shards}, plan {group.PlanHash}, channel {channel}";

    private static byte[] Proof(GroupDescription group, int position, string greeting) =>
        HMACSHA256.HashData(group.Secret.Span, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"shared memory, position {position}: {greeting}")));

    private static nint CreateAndMap(string path, SegmentLayout layout, SharedMemorySettings settings)
    {
        var descriptor = Libc.Create(path);
        if (descriptor < 0) throw NoMemory(layout, settings, Marshal.GetLastPInvokeError());
        try
        {
            var error = Libc.Reserve(descriptor, 0, layout.TotalBytes);
            if (error != 0) throw NoMemory(layout, settings, error);
            var address = MapOrThrow(descriptor, layout);
            *(Creator*)(address + CreatorAt) = Creator.OfThisProcess();
            return address;
        }
        catch
        {
            _ = Libc.Unlink(path);
            throw;
        }
        finally
        {
            _ = Libc.Close(descriptor);
        }
    }

    private static nint? OpenAndMap(string path, SegmentLayout layout, long deadline, CancellationToken cancel)
    {
        while (Environment.TickCount64 < deadline)
        {
            var descriptor = Libc.OpenExisting(path);
            if (descriptor >= 0)
            {
                try
                {
                    // Until all of its memory is reserved it is shorter.
                    if (Libc.Seek(descriptor, 0, 2) == layout.TotalBytes)
                    {
                        var address = MapOrThrow(descriptor, layout);
                        return address;
                    }
                }
                finally
                {
                    _ = Libc.Close(descriptor);
                }
            }
            Pause(cancel);
        }
        return null;
    }

    // Peers may be seconds away: they get the processor.
    private static void Pause(CancellationToken cancel)
    {
        cancel.WaitHandle.WaitOne(Look);
        cancel.ThrowIfCancellationRequested();
    }

    private static nint MapOrThrow(int descriptor, SegmentLayout layout)
    {
        var address = Libc.Map(descriptor, layout.TotalBytes);
        return address != -1 ? address : throw new UserErrorException($"{layout.TotalBytes / 1024 / 1024.0:f1} MB of shared memory cannot be mapped: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}. Raise the process's memory limit (ulimit -v).");
    }

    private static UserErrorException NoMemory(SegmentLayout layout, SharedMemorySettings settings, int error) => new(
        $"{settings.Directory}: {layout.TotalBytes / 1024 / 1024.0:f1} MB are needed to exchange gradients between {layout.WorldSize} ranks" +
        $"{(error == Libc.NoSpace ? $", {new DriveInfo(settings.Directory).AvailableFreeSpace / 1024 / 1024.0:f1} MB are free" : "")}: {Marshal.GetPInvokeErrorMessage(error)}. " +
        "Give it more room (a container has 64 MB unless told otherwise: docker run --shm-size=1g), remove what lies there, or use --transport tcp.");

    /// <summary>A rank that was killed between making the file and taking its name away left it behind.</summary>
    private static void RemoveAbandoned(string directory)
    {
        foreach (var path in Directory.EnumerateFiles(directory, $"{Prefix}*"))
        {
            var descriptor = Libc.OpenExisting(path);
            if (descriptor < 0) continue;   // another user's, or gone by now
            using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            Creator creator = default;
            var isKnown = RandomAccess.Read(handle, MemoryMarshal.AsBytes(new Span<Creator>(ref creator)), CreatorAt) == sizeof(Creator) && creator.Pid != 0;
            if (isKnown && creator.IsGone()) _ = Libc.Unlink(path);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Creator
    {
        public int Pid;
        public long StartTicks;
        public long PidNamespace;

        public static Creator OfThisProcess()
        {
            var self = ProcessIdentity.Of(Environment.ProcessId)!;
            return new Creator { Pid = self.Pid, StartTicks = self.StartTicks, PidNamespace = PeerLife.PidNamespace };
        }

        public readonly bool IsGone() => PidNamespace == PeerLife.PidNamespace && ProcessIdentity.Of(Pid)?.StartTicks != StartTicks;
    }
}

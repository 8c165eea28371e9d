using System.Diagnostics;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.SharedMemory;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class SharedSegmentTests
{
    [Fact]
    public void WhatAKilledCreatorLeft_IsRemovedByTheNext_AndOnlyThat()
    {
        var folder = Directory.CreateTempSubdirectory("volley-shm-").FullName;
        using var process = Process.Start("/bin/true");
        process.WaitForExit();
        var abandoned = Write(folder, "volley-group-a1-test-0", process.Id);
        var alive = Write(folder, "volley-group-a1-test-1", 0);
        var group = new GroupDescription("left", 1, [new GroupMember(0, "a", "127.0.0.1", 0, -1)], 1, "none", new byte[32]);
        SharedMemoryCollective.Open(group, 0, "test", SharedMemorySettings.Default with { Directory = folder }, cancel: TestContext.Current.CancellationToken).Dispose();
        Assert.False(File.Exists(abandoned));
        Assert.Equal([alive], Directory.EnumerateFiles(folder));
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>A header as a creator writes it: pid, start, namespace from byte 128 on; pid 0: not written yet.</summary>
    private static string Write(string folder, string name, int pid)
    {
        var path = Path.Combine(folder, name);
        var header = new byte[4096];
        BitConverter.TryWriteBytes(header.AsSpan(128), pid);
        BitConverter.TryWriteBytes(header.AsSpan(136), 12345L);
        BitConverter.TryWriteBytes(header.AsSpan(144), PeerLife.PidNamespace);
        File.WriteAllBytes(path, header);
        return path;
    }
}

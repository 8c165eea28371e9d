using Volley.Coordinator.Chaos.Processes;
using Volley.Shared;

namespace Volley.Coordinator.Chaos;

/// <summary>A small file system in memory, in the place of a folder, that can be filled and emptied.</summary>
internal sealed class SmallDisk(string folder)
{
    private const int Megabytes = 512;
    private const string Ballast = ".ballast";

    public bool IsFull { get; private set; }

    /// <summary>Why this machine cannot have one; null: it can.</summary>
    public static string? Obstacle(string probeFolder)
    {
        if (!Environment.IsPrivilegedProcess) return "a full disk needs root, to mount a small tmpfs";
        Directory.CreateDirectory(probeFolder);
        var answer = SystemTool.Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", probeFolder);
        if (answer.Code == 0) answer = SystemTool.Run("umount", probeFolder);
        Directory.Delete(probeFolder);
        return answer.Code == 0 ? null : $"a tmpfs cannot be mounted here ({answer.Says})";
    }

    /// <exception cref="UserErrorException">The machine refuses.</exception>
    public static SmallDisk Mount(string folder, Ledger ledger)
    {
        Directory.CreateDirectory(folder);
        ledger.Add(new Ledger.Entry(Mount: folder));
        SystemTool.Require("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m", "tmpfs", folder);
        return new SmallDisk(folder);
    }

    /// <summary>Takes all the room there is; what was written before stays readable.</summary>
    public void Fill()
    {
        IsFull = true;
        var block = new byte[1 << 20];
        using var file = new FileStream(Path.Combine(folder, Ballast), FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        foreach (var size in (int[])[block.Length, 4096])
        {
            try
            {
                while (true) file.Write(block, 0, size);
            }
            catch (IOException)
            {
                // No room for so much: that is what was wanted. Smaller pieces take the rest.
            }
        }
    }

    public void Empty()
    {
        File.Delete(Path.Combine(folder, Ballast));
        IsFull = false;
    }
}

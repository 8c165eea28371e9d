using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Volley.Coordinator.Chaos;
using Volley.Coordinator.Chaos.Processes;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Checkpoints;

namespace Volley.Coordinator.Tests.Chaos;

/// <summary>What touches the machine: processes, files.</summary>
public sealed class ChaosMachineryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ASignal_ReachesTheMarkedProcess_AndNoOtherThatHasItsNumber()
    {
        using var process = Process.Start("sleep", "60");
        var mark = ProcessMark.Of(process.Id)!;
        Assert.False((mark with { StartTicks = mark.StartTicks + 1 }).Signal(ProcessMark.SigKill));
        Assert.False(process.HasExited);
        Assert.Contains(mark, ProcessMark.ChildrenOf(Environment.ProcessId));
        Assert.True(mark.Signal(ProcessMark.SigKill));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(mark.IsAlive);
        Assert.False(mark.Signal(ProcessMark.SigKill));
    }

    [Fact]
    public async Task ALedger_TakesBackProcessesAndFolders_AlsoHalfWritten_AndTwice()
    {
        using var process = Process.Start("sleep", "60");
        var path = Path.Combine(_folder, "ledger.jsonl");
        var scratch = Directory.CreateDirectory(Path.Combine(_folder, "scratch")).FullName;
        using (var ledger = new Ledger(path))
        {
            ledger.Add(new Ledger.Entry(Folder: scratch));
            ledger.Add(new Ledger.Entry(Process: ProcessMark.Of(process.Id)));
        }
        await File.AppendAllTextAsync(path, "{\"Proc", TestContext.Current.CancellationToken);
        Assert.Empty(Ledger.Undo(path));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(Directory.Exists(scratch));
        Assert.Empty(Ledger.Undo(path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ADamagedCheckpoint_IsNotWhole(bool isTruncation)
    {
        for (var draw = 0ul; draw < 8; draw++)
        {
            var checkpoint = WriteCheckpoint();
            var folder = Folder();
            Assert.True(folder.IsWhole(3, checkpoint));
            Assert.NotNull(folder.Damage("n1", 3, checkpoint.RelativePath, draw * 7919, isTruncation));
            Assert.False(folder.IsWhole(3, checkpoint));
        }
        Assert.Null(Folder().Damage("n1", 3, "99.a1", 0, isTruncation));
    }

    private CheckpointFolder Folder() => new(new ChaosClusterOptions(2, _folder, _folder, _folder, "dir", null));

    private CommittedCheckpoint WriteCheckpoint()
    {
        var directory = Directory.CreateDirectory(Path.Combine(_folder, "checkpoints", "chaos", "0003", "9.a1")).FullName;
        var files = new[] { "model.safetensors", "state.json" }.Select(name =>
        {
            var content = Encoding.UTF8.GetBytes(new string('x', 300) + name);
            File.WriteAllBytes(Path.Combine(directory, name), content);
            return new CheckpointFile(name, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)));
        });
        var manifest = new CheckpointManifest(9, 1, 0, 9, null, [.. files]).ToJson();
        File.WriteAllBytes(Path.Combine(directory, CheckpointManifest.FileName), manifest);
        return new CommittedCheckpoint(1, 9, 0, "9.a1", Convert.ToHexStringLower(SHA256.HashData(manifest)), null, 1);
    }
}

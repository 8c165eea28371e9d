using System.Security.Cryptography;
using Volley.GpuNode.Checkpointing;
using Volley.Models.Safetensors;
using Volley.Shared;
using Volley.Shared.Checkpoints;

namespace Volley.GpuNode.Tests.Checkpointing;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("volley-checkpoints-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void WhatIsWritten_IsRead()
    {
        var store = new CheckpointStore(_root);
        var written = store.Write(Content(12, 3));
        Assert.Equal(("12.a3", 12L, 3), (written.RelativePath, written.Step, written.Attempt));

        using var read = CheckpointReader.Open(store.PathOf(new(12, 3)), written.ManifestSha256);
        Assert.Equal([1f, 2f, 3f], read.Tensors(CheckpointFiles.Model)!.Read<float>("w", SafetensorsType.F32));
        Assert.Equal("{}"u8.ToArray(), read.State);
        Assert.Null(read.Tensors(CheckpointFiles.Ema));
        Assert.Equal(0.5, read.Manifest.ObjectiveValue);
        var bytes = Directory.EnumerateFiles(read.Directory).Sum(file => new FileInfo(file).Length);
        Assert.Equal(bytes, written.Bytes);
    }

    [Fact]
    public void Hashes_AreThoseOfTheFiles()
    {
        var store = new CheckpointStore(_root);
        store.Write(Content(1, 1));
        using var read = CheckpointReader.Open(store.PathOf(new(1, 1)));
        Assert.All(read.Manifest.Files, file =>
        {
            var bytes = File.ReadAllBytes(Path.Combine(read.Directory, file.Name));
            Assert.Equal((bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes))), (file.Bytes, file.Sha256));
        });
    }

    [Fact]
    public void Leftovers_AreRemoved_AndNothingElse()
    {
        var store = new CheckpointStore(_root);
        store.Write(Content(1, 1));
        Directory.CreateDirectory(Path.Combine(_root, "2.a1.tmp"));
        Directory.CreateDirectory(Path.Combine(_root, "notes.tmp"));
        Assert.Equal(1, store.DeleteLeftovers());
        Assert.Equal(["1.a1", "notes.tmp"], Directory.EnumerateDirectories(_root).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ADirectoryWithoutManifest_IsNoCheckpoint()
    {
        var store = new CheckpointStore(_root);
        store.Write(Content(1, 1));
        store.Write(Content(2, 1));
        File.Delete(Path.Combine(_root, "2.a1", CheckpointManifest.FileName));
        Assert.Equal([new CheckpointName(1, 1)], store.Complete());
    }

    [Fact]
    public void ADiskThatRefuses_LeavesTheOlderOne_AndNoHalfOne()
    {
        var store = new CheckpointStore(_root);
        store.Write(Content(1, 1));
        // A file where the temporary directory would go: refused for any user, root included.
        File.WriteAllText(Path.Combine(_root, "2.a1.tmp"), "");
        var refused = Assert.Throws<CheckpointWriteException>(() => store.Write(Content(2, 1)));
        Assert.Contains(Path.Combine(_root, "2.a1"), refused.Message, StringComparison.Ordinal);
        Assert.Equal([new CheckpointName(1, 1)], store.Complete());
    }

    [Fact]
    public void AStoreThatVanishes_IsNotMadeAnew_AndWorksAgainWhenItIsBack()
    {
        var store = new CheckpointStore(Path.Combine(_root, "mounted", "0001"));
        store.Write(Content(1, 1));
        Directory.Move(Path.Combine(_root, "mounted"), Path.Combine(_root, "away"));
        Assert.Contains("is gone", Assert.Throws<CheckpointWriteException>(() => store.Write(Content(2, 1))).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "mounted")));
        Directory.Move(Path.Combine(_root, "away"), Path.Combine(_root, "mounted"));
        store.Write(Content(3, 1));
        Assert.Equal([3L, 1L], store.Complete().Select(name => name.Step));
    }

    /// <summary>A real full disk: a megabyte of memory, mounted by the test.</summary>
    [Fact]
    public void AFullDisk_LeavesNoHalfOne_AndTakesTheNextWhenThereIsRoomAgain()
    {
        var disk = Path.Combine(_root, "small");
        Directory.CreateDirectory(disk);
        if (Run("mount", "-t", "tmpfs", "-o", "size=1m", "volley-test", disk) != 0) Volley.TestKit.SharedFiles.SkipOrFail("Mounting a small file system needs root.");
        try
        {
            var store = new CheckpointStore(disk);
            store.Write(Content(1, 1));
            var filler = Path.Combine(disk, "filler");
            Assert.Throws<IOException>(() => File.WriteAllBytes(filler, new byte[2 << 20]));
            Assert.Throws<CheckpointWriteException>(() => store.Write(Large(2)));
            Assert.Equal(["1.a1"], Directory.EnumerateDirectories(disk).Select(Path.GetFileName));
            File.Delete(filler);
            store.Write(Large(3));
            CheckpointReader.Open(store.PathOf(new(3, 1))).Dispose();
        }
        finally
        {
            Assert.Equal(0, Run("umount", disk));
        }

        static CheckpointContent Large(long step) => Content(step, 1) with { State = new byte[300 << 10] };
        static int Run(string program, params string[] arguments)
        {
            using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
    }

    [Fact]
    public void ATargetThatExists_IsNotOverwritten()
    {
        var store = new CheckpointStore(_root);
        var first = store.Write(Content(1, 1));
        Assert.Throws<CheckpointWriteException>(() => store.Write(Content(1, 1, value: 9)));
        CheckpointReader.Open(store.PathOf(new(1, 1)), first.ManifestSha256).Dispose();
        Assert.Equal(0, store.DeleteLeftovers());
    }

    [Fact]
    public void Retire_KeepsTheNewestAndTheBest()
    {
        var store = new CheckpointStore(_root);
        foreach (var (step, value) in new[] { (1, 0.9), (2, 0.3), (3, 0.4), (4, 0.5) }) store.Write(Content(step, 1, objective: value));
        store.Retire(keepLast: 2, keepBest: 1, maximize: true);
        Assert.Equal([4L, 3L, 1L], store.Complete().Select(c => c.Step));
    }

    [Fact]
    public void ARootThatCannotBe_IsOneClearError()
    {
        var file = Path.Combine(_root, "file");
        File.WriteAllText(file, "");
        var wrong = Assert.Throws<UserErrorException>(() => new CheckpointStore(Path.Combine(file, "below")));
        Assert.Contains("cannot be made a checkpoint directory", wrong.Message, StringComparison.Ordinal);
    }

    internal static CheckpointContent Content(long step, int attempt, float value = 1, double? objective = 0.5) => new(
        step, attempt, 1, 0, objective, new Dictionary<string, IReadOnlyList<HostTensor>>
        {
            [CheckpointFiles.Model] = [Tensor("w", value, 2, 3)],
            [CheckpointFiles.Optimizer] = [Tensor("exp_avg/w", 4, 5, 6)],
        }, "{}"u8.ToArray());

    private static HostTensor Tensor(string name, params float[] values) =>
        new(name, SafetensorsType.F32, [values.Length], System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}

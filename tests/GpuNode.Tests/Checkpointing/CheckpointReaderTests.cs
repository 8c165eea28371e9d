using Volley.GpuNode.Checkpointing;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Checkpointing;

public sealed class CheckpointReaderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("volley-checkpoints-").FullName;
    private readonly string _one;

    public CheckpointReaderTests()
    {
        var store = new CheckpointStore(_root);
        store.Write(CheckpointStoreTests.Content(1, 1));
        store.Write(CheckpointStoreTests.Content(2, 1));
        _one = store.PathOf(new(2, 1));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public static TheoryData<string, string, string> Damages => new()
    {
        { "model.safetensors", "truncate", "its manifest says" },
        { "model.safetensors", "flip", "has SHA-256" },
        { "model.safetensors", "delete", "cannot be read" },
        { "optimizer.safetensors", "flip", "has SHA-256" },
        { "optimizer.safetensors", "grow", "its manifest says" },
        { "state.json", "truncate", "its manifest says" },
        { "manifest.json", "truncate", "is no checkpoint manifest" },
        { "manifest.json", "empty", "is no checkpoint manifest" },
        { "manifest.json", "delete", "is no complete checkpoint" },
        { "manifest.json", "foreign", "has format 'other'" },
        { "manifest.json", "version", "has version 7, this Volley reads version 1" },
        { "manifest.json", "unlisted", "lists no optimizer.safetensors" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void ADamagedCheckpoint_IsOneClearError(string file, string damage, string expected)
    {
        Damage(Path.Combine(_one, file), damage);
        var wrong = Assert.Throws<UserErrorException>(() => CheckpointReader.Open(_one).Dispose());
        Assert.Contains(_one, wrong.Message, StringComparison.Ordinal);
        Assert.Contains(expected, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', wrong.Message);
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void TheNewestValidOne_IsOpened_WhereSeveralMayBe(string file, string damage, string expected)
    {
        Damage(Path.Combine(_one, file), damage);
        var log = new List<string>();
        using var opened = CheckpointReader.OpenNewestValid([new(_one, null), new(Path.Combine(_root, "1.a1"), null)], log.Add);
        Assert.Equal(1, opened.Manifest.Step);
        Assert.Contains(expected, Assert.Single(log), StringComparison.Ordinal);
    }

    [Fact]
    public void WhereNoneIsValid_AllAreNamed()
    {
        Damage(Path.Combine(_one, "model.safetensors"), "flip");
        Damage(Path.Combine(_root, "1.a1", "state.json"), "truncate");
        var wrong = Assert.Throws<UserErrorException>(() => CheckpointReader.OpenNewestValid(CheckpointReader.Candidates(_root), _ => { }));
        Assert.StartsWith("None of 2 checkpoints can be used:", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("2.a1/model.safetensors", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("1.a1/state.json", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherManifestThanTheJournals_IsRefused() =>
        Assert.Contains("the journal says", Assert.Throws<UserErrorException>(() => CheckpointReader.Open(_one, new string('0', 64))).Message, StringComparison.Ordinal);

    [Fact]
    public void Candidates_AreNewestFirst() =>
        Assert.Equal(["2.a1", "1.a1"], CheckpointReader.Candidates(_root).Select(c => Path.GetFileName(c.Directory)));

    [Theory]
    [InlineData("nowhere", "there is no such directory")]
    [InlineData("empty", "holds no complete checkpoint")]
    public void APathWithoutCheckpoints_IsOneClearError(string name, string expected)
    {
        Directory.CreateDirectory(Path.Combine(_root, "empty"));
        Assert.Contains(expected, Assert.Throws<UserErrorException>(() => CheckpointReader.Candidates(Path.Combine(_root, name))).Message, StringComparison.Ordinal);
    }

    private static void Damage(string path, string how)
    {
        if (how == "delete")
        {
            File.Delete(path);
            return;
        }
        var bytes = File.ReadAllBytes(path);
        switch (how)
        {
            case "truncate":
                bytes = bytes[..^1];
                break;
            case "grow":
                bytes = [.. bytes, 0];
                break;
            case "empty":
                bytes = [];
                break;
            case "flip":
                bytes[^1] ^= 1;
                break;
            case "foreign":
                bytes = """{"format":"other"}"""u8.ToArray();
                break;
            case "version":
                bytes = """{"format":"volley-checkpoint","version":7}"""u8.ToArray();
                break;
            case "unlisted":
                var text = System.Text.Encoding.UTF8.GetString(File.ReadAllBytes(path));
                bytes = System.Text.Encoding.UTF8.GetBytes(System.Text.RegularExpressions.Regex.Replace(text, @"\{[^{}]*optimizer\.safetensors[^{}]*\},?", ""));
                break;
        }
        File.WriteAllBytes(path, bytes);
    }
}

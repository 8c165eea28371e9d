using Volley.GpuNode.Checking;
using Volley.Models.Safetensors;
using Volley.Shared;
using Volley.TestKit;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Checking;

public sealed class FileCheckTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("resnet18", ScalarType.Float64)]
    [InlineData("resnet18", ScalarType.Float32)]
    [InlineData("vit", ScalarType.Float64)]
    [InlineData("vit", ScalarType.Float32)]
    [InlineData("sdt_lif", ScalarType.Float64)]
    [InlineData("sdt_lif", ScalarType.Float32)]
    [InlineData("sdt_plif", ScalarType.Float64)]
    [InlineData("sdt_plif", ScalarType.Float32)]
    [InlineData("spikformer_lif", ScalarType.Float64)]
    [InlineData("spikformer_lif", ScalarType.Float32)]
    [InlineData("neurons", ScalarType.Float64)]
    [InlineData("neurons", ScalarType.Float32)]
    [InlineData("losses", ScalarType.Float64)]
    [InlineData("losses", ScalarType.Float32)]
    [InlineData("optim_schedule", ScalarType.Float64)]
    [InlineData("optim_schedule", ScalarType.Float32)]
    public void EveryGoldenFile_IsInsideTheTolerances(string name, ScalarType type)
    {
        var report = FileCheck.Run(SharedFiles.Require($"golden/{name}.safetensors"), type);
        Assert.Empty(report.Groups.SelectMany(group => group.Failures.Select(failure => $"{group.Name}: {failure}")));
        Assert.True(report.IsPassed);
    }

    [Theory]
    [InlineData("eval/output", "eval/output")]
    [InlineData("train/loss", "train/loss")]
    [InlineData("train/grad/blocks.0.attn.qkv.weight", "train gradients")]
    [InlineData("train/input_grad", "train input gradient")]
    [InlineData("train/inter/blocks.0.output", "train/intermediates")]
    [InlineData("adamw/state/head.weight", "adamw state")]
    [InlineData("sgd/state/cls_token", "sgd state")]
    [InlineData("f32/train/grad/head.weight", "f32 train gradients")]
    public void AValueThatIsWrong_FailsItsGroup_AndNoOther(string tensor, string group)
    {
        // 1e-3 is far outside every tolerance, and far inside what a careless comparison would let pass.
        Rewrite("vit", tensors => [.. tensors.Select(t => t.Name == tensor ? Shifted(t, 1e-3) : t)]);
        var report = FileCheck.Run(_path, ScalarType.Float64);
        Assert.Equal([group], report.Groups.Where(g => !g.IsPassed).Select(g => g.Name));
    }

    [Theory]
    [InlineData("sdt_plif", "train/inter/block.0.attn.q_lif.v_seq", "train/intermediates")]
    [InlineData("sdt_plif", "train/fr/head_lif", "train/firing rates")]
    [InlineData("sdt_plif", "eval/fr_hook/MS_SSA_Conv0_x_after_qkv", "eval/firing rates")]
    [InlineData("sdt_plif", "tet/grad/head.weight", "tet gradients")]
    [InlineData("neurons", "plif_w/w_grad_v", "neuron gradients")]
    [InlineData("neurons", "lif_soft_reset/v_seq_second_call_no_reset", "neuron membranes")]
    [InlineData("neurons", "surrogate/atan_a2/grad", "surrogate derivative")]
    [InlineData("losses", "soft_1/loss", "losses")]
    [InlineData("losses", "tet_2/grad", "loss gradients")]
    [InlineData("optim_schedule", "sgd_nesterov_timm/after_5/w", "sgd_nesterov_timm")]
    [InlineData("optim_schedule", "lr_per_epoch/short", "learning rates")]
    public void AValueThatIsWrong_FailsItsGroup_InEveryKindOfFile(string golden, string tensor, string group)
    {
        Rewrite(golden, tensors => [.. tensors.Select(t => t.Name == tensor ? Shifted(t, 1e-3) : t)]);
        Assert.Equal([group], FileCheck.Run(_path, ScalarType.Float64).Groups.Where(g => !g.IsPassed).Select(g => g.Name));
    }

    [Fact]
    public void ATargetThatIsWrong_FailsAsTheDataRoomsResult_AndAsTheLosses()
    {
        Rewrite("losses", tensors => [.. tensors.Select(t => t.Name == "soft_2/target" ? Shifted(t, 1e-3) : t)]);
        Assert.Equal(["losses", "loss gradients", "soft targets"], FileCheck.Run(_path, ScalarType.Float64).Groups.Where(g => !g.IsPassed).Select(g => g.Name));
    }

    [Theory]
    [InlineData("sdt_plif", "train/inter/block.0.attn.q_lif.spike", "train/spikes")]
    [InlineData("losses", "soft_1/fast_collate_images_u8", "mixed images")]
    public void AByteThatIsWrong_FailsItsGroup(string golden, string tensor, string group)
    {
        Rewrite(golden, tensors => [.. tensors.Select(t => t.Name == tensor ? t with { Data = (byte[])[(byte)(t.Data.Span[0] ^ 1), .. t.Data.Span[1..]] } : t)]);
        Assert.Equal([group], FileCheck.Run(_path, ScalarType.Float32).Groups.Where(g => !g.IsPassed).Select(g => g.Name));
    }

    [Fact]
    public void ATensorThatNoCheckKnows_IsAFailure()
    {
        Rewrite("vit", tensors => [.. tensors, new HostTensor("train/hessian", SafetensorsType.F64, [1], new byte[8])]);
        var report = FileCheck.Run(_path, ScalarType.Float64);
        Assert.Equal(["train/hessian: no check knows this tensor"], Assert.Single(report.Groups, g => !g.IsPassed).Failures);
    }

    [Fact]
    public void AnIntermediateOfAModuleThatDoesNotExist_IsAFailure()
    {
        Rewrite("vit", tensors => [.. tensors.Select(t => t.Name == "train/inter/norm.output" ? t with { Name = "train/inter/nrom.output" } : t)]);
        Assert.Equal(["train/intermediates"], FileCheck.Run(_path, ScalarType.Float64).Groups.Where(g => !g.IsPassed).Select(g => g.Name));
    }

    [Fact]
    public void AGradientThatTheReferenceLacks_IsAFailure()
    {
        Rewrite("vit", tensors => [.. tensors.Where(t => t.Name != "train/grad/norm.weight")]);
        Assert.Contains("parameters", FileCheck.Run(_path, ScalarType.Float64).Groups.Where(g => !g.IsPassed).Select(g => g.Name));
    }

    [Fact]
    public void AFileWithNothingToCompare_Fails()
    {
        SafetensorsWriter.Write(_path, []);
        Assert.False(FileCheck.Run(_path, ScalarType.Float64).IsPassed);
    }

    [Theory]
    [InlineData("family", "rnn", "must be resnet, vit, sdt or spikformer")]
    [InlineData("config", "{\"widths\": 4}", "widths")]
    [InlineData("config", "[", "metadata 'config'")]
    [InlineData("config", "{\"num_heads\": 5, \"embed_dims\": 48}", "model.heads: is 5, must divide model.embed_dim (48)")]
    [InlineData("config", "{\"embed_dims\": 1000000000, \"num_heads\": 8}", "its state holds")]
    [InlineData("config", "{\"depths\": 2000000000}", "model.depth: is 2000000000, must be at most 1000")]
    [InlineData("adamw", "{\"lr\": 1, \"amsgrad\": true}", "amsgrad")]
    public void MetadataThatCannotBeUsed_IsOneClearError(string key, string value, string expected)
    {
        Rewrite("vit", tensors => tensors, metadata => metadata[key] = value);
        var error = Assert.ThrowsAny<UserErrorException>(() => FileCheck.Run(_path, ScalarType.Float64));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static HostTensor Shifted(HostTensor tensor, double shift)
    {
        var bytes = tensor.Data.ToArray();
        if (tensor.Type == SafetensorsType.F64) BitConverter.TryWriteBytes(bytes, BitConverter.ToDouble(bytes) + shift);
        else BitConverter.TryWriteBytes(bytes, (float)(BitConverter.ToSingle(bytes) + shift));
        return tensor with { Data = bytes };
    }

    private void Rewrite(string golden, Func<HostTensor[], IEnumerable<HostTensor>> change, Action<Dictionary<string, string>>? changeMetadata = null)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Require($"golden/{golden}.safetensors"));
        var tensors = file.Entries.Select(entry =>
        {
            var bytes = new byte[entry.Bytes];
            file.Read(entry, bytes);
            return new HostTensor(entry.Name, entry.Type, entry.Shape, bytes);
        }).ToArray();
        var metadata = file.Metadata.ToDictionary();
        changeMetadata?.Invoke(metadata);
        SafetensorsWriter.Write(_path, change(tensors), metadata);
    }
}

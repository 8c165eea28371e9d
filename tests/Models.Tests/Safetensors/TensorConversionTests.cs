using Volley.Models.Safetensors;
using Volley.Shared;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Tests.Safetensors;

public sealed class TensorConversionTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Bool)]
    public void EveryType_TravelsThroughAFile(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var tensor = arange(24, dtype: ScalarType.Float32).reshape(2, 3, 4).to_type(type).transpose(0, 2);   // not contiguous
        SafetensorsWriter.Write(_path, [TensorConversion.ToHost("t", tensor)]);

        using var file = SafetensorsFile.Open(_path);
        var back = file.ReadTensor("t");

        Assert.Equal(type, back.dtype);
        Assert.Equal([4L, 3L, 2L], back.shape);
        Assert.True(back.eq(tensor).all().item<bool>());
    }

    [Fact]
    public void ModuleState_Load_RestoresEveryParameterAndBuffer()
    {
        using var scope = NewDisposeScope();
        var saved = Sequential(("conv", Conv2d(3, 4, 3)), ("bn", BatchNorm2d(4)));
        _ = saved.forward(randn(2, 3, 8, 8));
        SafetensorsWriter.Write(_path, ModuleState.ToHost(saved));
        var other = Sequential(("conv", Conv2d(3, 4, 3)), ("bn", BatchNorm2d(4)));

        using var file = SafetensorsFile.Open(_path);
        ModuleState.Load(other, file);

        Assert.Contains(file.Entries, e => e.Name == "bn.num_batches_tracked" && e.Type == SafetensorsType.I64);
        foreach (var (name, value) in saved.state_dict())
            Assert.True(other.state_dict()[name].eq(value).all().item<bool>(), name);
    }

    [Fact]
    public void ModuleState_Load_TouchesNothing_WhenATensorHasAnotherShape()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(_path, ModuleState.ToHost(Sequential(("a", Linear(2, 2)), ("b", Linear(2, 3)))));
        var other = Sequential(("a", Linear(2, 2)), ("b", Linear(2, 4)));
        var before = other.state_dict()["a.weight"].clone();

        using var file = SafetensorsFile.Open(_path);
        var error = Assert.Throws<UserErrorException>(() => ModuleState.Load(other, file));

        Assert.Contains("[3,2], the model needs [4,2]", error.Message, StringComparison.Ordinal);
        Assert.True(other.state_dict()["a.weight"].eq(before).all().item<bool>());
    }

    [Fact]
    public void ModuleState_Load_ListsMissingAndUnknownTensors()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(_path, ModuleState.ToHost(Sequential(("a", Linear(2, 2)))));
        using var file = SafetensorsFile.Open(_path);
        Assert.Contains("lacks 2 tensors: b.bias, b.weight", Assert.Throws<UserErrorException>(
            () => ModuleState.Load(Sequential(("a", Linear(2, 2)), ("b", Linear(2, 2))), file)).Message, StringComparison.Ordinal);
        Assert.Contains("unknown to the model, 1 tensors: a.bias", Assert.Throws<UserErrorException>(
            () => ModuleState.Load(Sequential(("a", Linear(2, 2, hasBias: false))), file)).Message, StringComparison.Ordinal);
    }
}

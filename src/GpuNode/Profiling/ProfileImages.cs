using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Profiling;

/// <summary>Images to run a network on where no data is given.</summary>
internal static class ProfileImages
{
    public const int Seed = 0;

    /// <returns>[B, C, H, W] on the CPU, standard normal as normalised images are, the same in every process. Owned by the caller.</returns>
    public static Tensor Random(ModelInput input, int batch)
    {
        using var generator = new Generator(Seed, CPU);
        return randn([batch, input.Channels, input.Height, input.Width], generator: generator);
    }
}

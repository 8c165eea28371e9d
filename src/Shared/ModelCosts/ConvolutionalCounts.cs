using Volley.Shared.Config;

namespace Volley.Shared.ModelCosts;

internal static class ConvolutionalCounts
{
    public static ModelCounts Count(ResNetSpec spec, ModelInput input)
    {
        var count = new CountBuilder(timeSteps: 1);
        long height = input.Height, width = input.Width, channels = spec.Width;
        Convolution("conv1", input.Channels, channels, kernel: 3);
        for (var stage = 0; stage < 4; stage++)
        {
            var outChannels = (long)spec.Width << stage;
            for (var block = 0; block < spec.Blocks[stage]; block++)
            {
                var name = $"layer{stage + 1}.{block}";
                var isStrided = stage > 0 && block == 0;
                if (isStrided) (height, width) = (ModelCounter.Halved(height), ModelCounter.Halved(width));
                Convolution($"{name}.conv1", channels, outChannels, kernel: 3);
                Convolution($"{name}.conv2", outChannels, outChannels, kernel: 3);
                if (isStrided || channels != outChannels) Convolution($"{name}.shortcut.0", channels, outChannels, kernel: 1);
                channels = outChannels;
            }
        }
        count.Dense("linear", channels * input.Classes, calls: 1);
        count.Parameters(channels * input.Classes + input.Classes);
        return count.Build();

        // Every convolution is without bias and followed by batch norm.
        void Convolution(string name, long inChannels, long outChannels, int kernel)
        {
            var weights = kernel * kernel * inChannels * outChannels;
            count.Dense(name, weights * height * width, calls: 1);
            count.Parameters(weights + 2 * outChannels);
        }
    }
}

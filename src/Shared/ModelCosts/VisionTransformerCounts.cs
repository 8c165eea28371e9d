using Volley.Shared.Config;

namespace Volley.Shared.ModelCosts;

internal static class VisionTransformerCounts
{
    public static ModelCounts Count(VitSpec spec, ModelInput input)
    {
        var count = new CountBuilder(timeSteps: 1);
        long width = spec.EmbedDim, hidden = (long)(spec.EmbedDim * spec.MlpRatio);
        var patches = (long)(input.Height / spec.Patch) * (input.Width / spec.Patch);
        var tokens = patches + 1;   // the class token
        Linear("patch_embed.proj", patches, (long)spec.Patch * spec.Patch * input.Channels, width);
        count.Parameters(width + tokens * width);   // class token and positions
        for (var i = 0; i < spec.Depth; i++)
        {
            var block = $"blocks.{i}";
            count.Parameters(2 * 2 * width);   // two layer norms
            Linear($"{block}.attn.qkv", tokens, width, 3 * width);
            count.Dense($"{block}.attn.q_kT", tokens * tokens * width, calls: 1);
            count.Dense($"{block}.attn.attn_v", tokens * tokens * width, calls: 1);
            Linear($"{block}.attn.proj", tokens, width, width);
            Linear($"{block}.mlp.fc1", tokens, width, hidden);
            Linear($"{block}.mlp.fc2", tokens, hidden, width);
        }
        count.Parameters(2 * width);
        Linear("head", 1, width, input.Classes);
        return count.Build();

        void Linear(string name, long rows, long inputs, long outputs)
        {
            count.Dense(name, rows * inputs * outputs, calls: 1);
            count.Parameters(inputs * outputs + outputs);
        }
    }
}

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>Changes one training image. Its random numbers follow from (seed, epoch, image): any thread, rank or resume gives the same.</summary>
/// <remarks>Stateless apart from its settings: one object serves all threads.</remarks>
internal interface IPixelAugmentation
{
    /// <param name="pixels">[C, H, W], changed in place.</param>
    /// <param name="scratch">As large as <paramref name="pixels"/>; its content means nothing before and after.</param>
    /// <param name="image">The image's number in the packed file.</param>
    void Apply(Span<byte> pixels, Span<byte> scratch, int epoch, int image);
}

/// <summary>The same, after normalisation: 0 is the mean colour.</summary>
internal interface INormalisedAugmentation
{
    void Apply(Span<float> pixels, int epoch, int image);
}

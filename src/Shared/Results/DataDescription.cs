namespace Volley.Shared.Results;

/// <summary>What a trial trained and was measured on.</summary>
/// <param name="Source">For people: "CIFAR-10 (JPEG copy)", "Fashion-MNIST, first 4,000 …".</param>
/// <param name="Digest">SHA-256 of the packed data, lower-case hex: equal where the images and labels are.</param>
/// <param name="Split">For people: how the training set was divided.</param>
public sealed record DataDescription(string Name, string Source, string Digest, int TrainImages, int ValidationImages, int TestImages, string Split);

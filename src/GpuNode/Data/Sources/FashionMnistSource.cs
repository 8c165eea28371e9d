using Volley.GpuNode.Data.Packed;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 60,000 + 10,000 grey images of 28×28, or a subset in the same four files.</summary>
internal sealed class FashionMnistSource : IDatasetSource
{
    private const int FullTrain = 60_000;
    private const int FullTest = 10_000;

    private static readonly string[] Classes =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    // Of the 60,000 training images.
    private static readonly (double[] Mean, double[] Std) Normalisation = ([0.2860], [0.3530]);

    private readonly string _trainImages, _trainLabels, _testImages, _testLabels;

    public FashionMnistSource(string folder)
    {
        _trainImages = Find(folder, "train-images", "idx3-ubyte");
        _trainLabels = Find(folder, "train-labels", "idx1-ubyte");
        _testImages = Find(folder, "t10k-images", "idx3-ubyte");
        _testLabels = Find(folder, "t10k-labels", "idx1-ubyte");
        Identity = FileIdentity.Of(_trainImages, _trainLabels, _testImages, _testLabels);
    }

    public string Name => "fashion-mnist";

    public string Identity { get; }

    public void Prepare(PackedBuilder builder, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var train = AddPart(builder, "train", _trainImages, _trainLabels, settings, progress, stop);
        var test = AddPart(builder, "test", _testImages, _testLabels, settings, progress, stop);
        var source = (train, test) == (FullTrain, FullTest)
            ? "Fashion-MNIST"
            : $"Fashion-MNIST, subset of {train:N0} + {test:N0} images";
        builder.Finish(Name, source, "test", Classes, multiLabel: false, greyToOneChannel: settings.Channels == 0, null, Repeated(settings.Channels), stop);
    }

    private static (double[], double[])? Repeated(int channels) =>
        channels == 3
            ? ([.. Normalisation.Mean, .. Normalisation.Mean, .. Normalisation.Mean], [.. Normalisation.Std, .. Normalisation.Std, .. Normalisation.Std])
            : Normalisation;

    private static int AddPart(
        PackedBuilder builder, string part, string imagesPath, string labelsPath, PrepareSettings settings,
        IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var (count, height, width, pixels) = IdxFile.ReadImages(imagesPath);
        var labels = IdxFile.ReadLabels(labelsPath);
        if (labels.Length != count)
            throw new UserErrorException($"{labelsPath}: has {labels.Length:N0} labels, {imagesPath} has {count:N0} images.");
        if ((height, width) != (28, 28))
            throw new UserErrorException($"{imagesPath}: has images of {width}×{height} pixels, Fashion-MNIST has 28×28.");
        for (var image = 0; image < count; image++)
        {
            stop.ThrowIfCancellationRequested();
            if (labels[image] >= Classes.Length)
                throw new UserErrorException($"{labelsPath}: label {labels[image]} of image {image}; labels are 0 to {Classes.Length - 1}.");
            var grey = DecodedImage.Grey(height, width, pixels.AsSpan(image * height * width, height * width).ToArray());
            builder.Add(part, image.ToString("D9"), [labels[image]], ImageShaper.Shape(grey, settings));
            if (image % 1000 == 0) progress?.Report(new("Reading images", image, count, "images"));
        }
        return count;
    }

    private static string Find(string folder, string part, string kind)
    {
        // The original name, and the one that several tools unpack to.
        string[] names = [$"{part}-{kind}.gz", $"{part}-{kind}", $"{part}.{kind}"];
        foreach (var name in names)
            if (File.Exists(Path.Combine(folder, name))) return Path.Combine(folder, name);
        throw new UserErrorException($"{folder}: has no {names[0]} (nor {names[1]}). Fashion-MNIST has four files: train-images, train-labels, t10k-images, t10k-labels.");
    }
}

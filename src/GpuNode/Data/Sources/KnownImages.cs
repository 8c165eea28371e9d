namespace Volley.GpuNode.Data.Sources;

/// <summary>What a well-known data set looks like, in whatever form it comes.</summary>
/// <param name="Title">"CIFAR-10".</param>
/// <param name="ClassNames">In the order of the labels.</param>
/// <param name="Mean">Per channel, as the papers' code normalises (golden/reference_tables).</param>
internal sealed record KnownImages(string Name, string Title, int TrainImages, int TestImages, IReadOnlyList<string> ClassNames, double[] Mean, double[] Std)
{
    public static KnownImages Cifar10 { get; } = new("cifar10", "CIFAR-10", 50_000, 10_000,
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]);

    public static KnownImages Cifar100 { get; } = new("cifar100", "CIFAR-100", 50_000, 10_000,
        [
            "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
            "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
            "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
            "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
            "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
            "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
            "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
            "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
            "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
            "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
        ],
        [0.5071, 0.4867, 0.4408], [0.2675, 0.2565, 0.2761]);

    /// <summary>The title, with the numbers of images where they are not the full ones.</summary>
    public string Describe(string copy, int train, int test) =>
        (train, test) == (TrainImages, TestImages) ? $"{Title}{copy}" : $"{Title}{copy}, subset of {train:N0} + {test:N0} images";
}

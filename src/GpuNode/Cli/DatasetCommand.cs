using System.CommandLine;
using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Data.Sources;
using Volley.Shared;
using Volley.Shared.Cli;
using Volley.Shared.Config;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley dataset</c>: data sets into the packed form that training maps into memory, and what such a file holds.</summary>
internal static class DatasetCommand
{
    public static Command Create()
    {
        var command = new Command("dataset",
            """
            Prepare a data set for training, or describe a prepared one.

            Training prepares what it needs by itself and keeps the result; this verb does it beforehand, or into a file of its own.

            Examples:
              volley dataset prepare cifar10
              volley dataset prepare ./flowers --image-size 64 --out flowers.volley
              volley dataset info flowers.volley
            """);
        command.Subcommands.Add(CreatePrepare());
        command.Subcommands.Add(CreateInfo());
        return command;
    }

    private static Command CreatePrepare()
    {
        var what = new Argument<string>("NAME|PATH")
        {
            Description = $"A data set by name ({string.Join(", ", DatasetSources.Names)}), or a folder, archive (.tar, .tar.gz, .tar.xz, .zip) or table (.csv, .tsv).",
        };
        var dataDir = new Option<string?>("--data-dir") { Description = "Where a copy of a named set lies: a folder or an archive. Nothing is downloaded then." };
        var output = new Option<string?>("--out") { Description = "The packed file to write. Without it: the cache, where training finds it." };
        var imageSize = new Option<int>("--image-size") { Description = "Edge in pixels; the centre square is resized. 0: as the images are." };
        var channels = new Option<int>("--channels") { Description = "3 (grey is repeated), 1 (colour becomes grey), 0: as the images are." };
        var csv = new Option<string?>("--csv") { Description = "images-csv: the table of file names and labels, if PATH is the images' folder or archive." };
        var fileColumn = new Option<string>("--file-column") { Description = "images-csv: its column of file names.", DefaultValueFactory = _ => "file" };
        var labelColumn = new Option<string>("--label-column") { Description = "images-csv: its column of labels.", DefaultValueFactory = _ => "label" };
        var labelSeparator = new Option<string>("--label-separator") { Description = "images-csv: what stands between several labels.", DefaultValueFactory = _ => "|" };
        var dataRoot = new Option<string?>("--data-root") { Description = "The cache of downloads and prepared sets. Default: ~/.cache/volley/data." };
        var command = new Command("prepare",
            """
            Turn a data set into the packed form: decoded once, checked, read at memory speed.

            Examples:
              volley dataset prepare fashion-mnist
              volley dataset prepare cifar10 --data-dir ~/Downloads/cifar-10-binary.tar.gz
              volley dataset prepare cifar10 --data-dir cifar10-jpeg.tar.xz --out cifar10.volley
              volley dataset prepare ./flowers --image-size 64
              volley dataset prepare posters.csv --data-dir posters.zip --image-size 128 --file-column Id --label-column Genre
            """) { what, dataDir, output, imageSize, channels, csv, fileColumn, labelColumn, labelSeparator, dataRoot };
        command.SetAction(parsed =>
        {
            var dataset = Describe(parsed.GetValue(what)!, parsed.GetValue(dataDir), parsed.GetValue(csv)) with
            {
                ImageSize = parsed.GetValue(imageSize),
                Channels = parsed.GetValue(channels),
                FileColumn = parsed.GetValue(fileColumn)!,
                LabelColumn = parsed.GetValue(labelColumn)!,
                LabelSeparator = parsed.GetValue(labelSeparator)!,
            };
            return Prepare(dataset, parsed.GetValue(output), Path.GetFullPath(parsed.GetValue(dataRoot) ?? UserFolders.DataRoot()));
        });
        return command;
    }

    private static Command CreateInfo()
    {
        var file = new Argument<string>("FILE") { Description = "A packed data set." };
        var command = new Command("info",
            """
            Describe a packed data set and verify its checksum.

            Example:
              volley dataset info flowers.volley
            """) { file };
        command.SetAction(parsed => Info(parsed.GetValue(file)!));
        return command;
    }

    private static DatasetSpec Describe(string what, string? dataDir, string? csv)
    {
        if (DatasetSources.Names.Contains(what))
            return new DatasetSpec { Name = what, Path = dataDir ?? "", Csv = csv ?? "" };
        if (!File.Exists(what) && !Directory.Exists(what))
            throw new UserErrorException($"{what}: is neither a data set ({string.Join(", ", DatasetSources.Names)}) nor an existing file or folder.");
        if (csv is not null) return new DatasetSpec { Name = "images-csv", Path = what, Csv = csv };
        var name = DatasetSources.GuessName(Path.GetFullPath(what));
        return name == "images-csv"
            ? new DatasetSpec { Name = name, Csv = what, Path = dataDir ?? "" }
            : new DatasetSpec { Name = name, Path = what };
    }

    private static int Prepare(DatasetSpec dataset, string? output, string dataRoot)
    {
        using var interruption = new Interruption();
        var target = output is null ? null : Path.GetFullPath(output);
        var path = PrepareDisplay.Run(progress => PreparedDataset.Prepare(dataset, Environment.CurrentDirectory, dataRoot, target, progress, interruption.Token));
        return Info(path);
    }

    private static int Info(string path)
    {
        using var packed = DiskErrors.Explain(() => PackedFile.Open(Path.GetFullPath(path)));
        var header = packed.Header;
        static void Row(string name, string value) => Console.WriteLine($"{name,-11}{value}");
        Row("file", $"{packed.Path} ({new FileInfo(packed.Path).Length / 1e6:N1} MB, verified)");
        Row("data", $"{header.Source} ({header.Name})");
        Row("images", $"{header.TrainImages:N0} train, {header.TestImages:N0} test");
        Row("pixels", $"{header.Width}×{header.Height}, {header.Channels} channel{(header.Channels == 1 ? "" : "s")}");
        Row("classes", $"{header.ClassNames.Count}{(header.MultiLabel ? ", several per image" : "")}: {Listing(header.ClassNames)}");
        Row("mean; std", $"{string.Join(' ', header.Mean.Select(value => $"{value:F4}"))}; {string.Join(' ', header.Std.Select(value => $"{value:F4}"))}");
        Row("sha256", header.ContentSha256);
        return 0;
    }

    private static string Listing(IReadOnlyList<string> names) => names.Count <= 20 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(18))}, …";
}

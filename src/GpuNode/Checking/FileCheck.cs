using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>One golden file in one type: what kind it is, its check, and the tensors that nobody asked for.</summary>
internal static class FileCheck
{
    /// <param name="type">Float64 or Float32.</param>
    public static CheckReport Run(string path, ScalarType type)
    {
        using var file = GoldenFile.Open(path);
        var report = new CheckReport(path, type == ScalarType.Float64 ? "f64" : "f32");
        if (file.Metadata("family") is not null) ModelCheck.Run(file, report, type);
        else if (file.Metadata("cases") is not null || file.Below("surrogate/").Any()) NeuronCheck.Run(file, report, type);
        else if (file.Below("init/").Any() || file.Below("lr_per_epoch/").Any()) OptimizerCheck.Run(file, report, type);
        else if (file.Contains("logits") || file.Contains("tet_logits")) LossCheck.Run(file, report, type);

        var unknown = file.Unused.ToArray();
        foreach (var name in unknown) report.Group("not understood").AddFailure($"{name}: no check knows this tensor");
        if (report.Groups.Count == 0) report.Group("not understood").AddFailure("the file holds nothing to compare");
        return report;
    }
}

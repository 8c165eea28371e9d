using System.Diagnostics;
using System.Globalization;
using Volley.GpuNode.Cli;
using Volley.GpuNode.Devices;
using Volley.GpuNode.Link;

namespace Volley.GpuNode.Agent;

/// <summary>The verb <c>rank</c> of this same program.</summary>
internal sealed class RankLauncher(DeviceInventory devices) : IRankLauncher
{
    public ProcessStartInfo CommandFor(RankKey key, string socketPath, IReadOnlyList<int> slots)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        var command = new ProcessStartInfo(program);
        // `dotnet volley-node.dll`: the library comes first.
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") command.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "volley-node.dll"));
        foreach (var argument in (string[])
        [
            "rank",
            "--socket", socketPath,
            "--sweep", key.Trial.Sweep.Value,
            "--trial", Text(key.Trial.Number),
            "--attempt", Text(key.Attempt),
            "--rank", Text(key.Rank),
            "--device", devices.Device,
            "--parent-pid", Text(Environment.ProcessId),
        ])
            command.ArgumentList.Add(argument);
        // By UUID: numbers change with the machine's mood. The rank sees its own GPU as device 0.
        var gpus = slots.Select(slot => devices.GpuOf(slot)?.Uuid).OfType<string>().Distinct().ToArray();
        if (gpus.Length > 0) command.Environment["CUDA_VISIBLE_DEVICES"] = string.Join(',', gpus);
        // Threads that wait awake are faster where they do not take a core from another rank (ProcessSettings).
        if (devices.FitsProcessors(Environment.ProcessorCount)) command.Environment.TryAdd(ProcessSettings.SpinVariable, ProcessSettings.ShortSpin);
        return command;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

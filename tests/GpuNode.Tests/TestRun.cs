using System.Runtime.CompilerServices;
using Volley.GpuNode.Cli;

// torch has one random generator and one thread count for the whole process (DESIGN §12, traps 3 and 7): tests that train side by
// side would draw from each other's numbers.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Volley.GpuNode.Tests;

internal static class TestRun
{
    // As every program of ours does before its first torch call: idle OpenMP threads of several test programs would fight over the cores.
    [ModuleInitializer]
    internal static void Begin() => ProcessSettings.ApplyBeforeTorch();
}

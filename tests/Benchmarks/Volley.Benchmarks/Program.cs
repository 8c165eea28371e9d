using System.CommandLine;
using Volley.Benchmarks;
using Volley.Benchmarks.Scale;
using Volley.GpuNode.Cli;

// Timings of the parts that training time goes to, printed as Markdown for tests/Benchmarks/results/<hardware>/. Each compares with a reference first and
// stops if the numbers differ: a fast wrong answer is no result.
ProcessSettings.ApplyBeforeTorch(isAlone: true);
var root = new RootCommand("Benchmarks of Volley. Run them on a quiet machine.") { NeuronBenchmark.Command(), TrainStepBenchmark.Command(), DataBenchmark.Command(), SpikeConvolutionBenchmark.Command(), CoordinatorBenchmark.Command() };
return await root.Parse(args).InvokeAsync();

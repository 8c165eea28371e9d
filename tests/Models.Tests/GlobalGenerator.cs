namespace Volley.Models.Tests;

/// <summary>Tests whose numbers come from torch's one global generator: nothing else may draw from it meanwhile.</summary>
[CollectionDefinition(nameof(GlobalGenerator), DisableParallelization = true)]
public sealed class GlobalGenerator;

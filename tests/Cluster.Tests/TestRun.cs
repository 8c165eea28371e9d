// Each test here fills the cores with its own coordinator, agent and ranks: side by side they would measure each other's patience.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

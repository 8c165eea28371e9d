using System.Text.Json;
using CsCheck;
using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;

namespace Volley.Coordinator.Tests.Search;

/// <summary>What every search must do; a new algorithm joins by a line in <see cref="Algorithms"/>.</summary>
public sealed class SearchSuite
{
    public static TheoryData<string> Algorithms => ["grid", "random", "learner"];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Suggests_TheSame_ForTheSameSeedAndResults(string algorithm) =>
        Assert.Equal(RunOneByOne(algorithm), RunOneByOne(algorithm));

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Suggests_ValidConfigurations(string algorithm)
    {
        foreach (var (trial, assignment) in RunOneByOne(algorithm).Index()) TrialResolver.Resolve(Sweep(algorithm), trial, assignment);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Suggests_NoMoreThanItSaid(string algorithm) => Assert.Equal(Create(algorithm).Trials, RunOneByOne(algorithm).Count);

    /// <summary>Results arrive in any order, some twice; side by side or one by one within the window.</summary>
    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Suggests_TheSame_InWhateverOrderResultsArrive(string algorithm)
    {
        var expected = Run(algorithm, window: 4, pick: _ => 0);

        Gen.Int[0, 1000].Array[200].Sample(order =>
        {
            var next = 0;
            return expected.SequenceEqual(Run(algorithm, window: 4, pick: running => order[next++ % order.Length] % running));
        }, iter: 50);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Suggests_TheSameRemainder_AfterASnapshotAtAnyPoint(string algorithm)
    {
        var expected = RunOneByOne(algorithm);
        for (var cut = 0; cut <= expected.Count; cut++) Assert.Equal(expected, RunOneByOne(algorithm, snapshotAt: cut));
    }

    [Fact]
    public void Next_Waits_ForTheResultsItMaySee()
    {
        var search = Create("learner");
        var spec = Sweep("learner").Search;
        var state = SearchState.Initial;
        for (var i = 0; i < 2; i++) state = Assert.IsType<SearchAnswer.Suggest>(state.Next(search, spec, window: 2)).State;

        Assert.Equal(new SearchAnswer.Wait(0), state.Next(search, spec, window: 2));
        state = state.Observe(search, new TrialObservation(1, Assignment.Empty, 1));
        Assert.Equal(new SearchAnswer.Wait(0), state.Next(search, spec, window: 2));
        state = state.Observe(search, new TrialObservation(0, Assignment.Empty, 1));
        Assert.IsType<SearchAnswer.Suggest>(state.Next(search, spec, window: 2));
    }

    [Fact]
    public void Next_DoesNotWait_InOrderOfArrival()
    {
        var search = Create("learner");
        var state = new SearchState { Suggested = 5 };

        Assert.IsType<SearchAnswer.Suggest>(state.Next(search, new SearchSpec { Order = "arrival" }, window: 1));
    }

    [Theory]
    [InlineData("maximize", 0.5, 0.5)]
    [InlineData("minimize", 0.5, -0.5)]
    [InlineData("maximize", double.NaN, null)]
    [InlineData("minimize", null, null)]
    public void Observation_TurnsTheGoalOnce(string goal, double? value, double? expected) =>
        Assert.Equal(expected, TrialObservation.Of(3, Assignment.Empty, new ObjectiveSpec { Goal = goal }, value).Value);

    private static SweepSpec Sweep(string algorithm) => SweepFile.Parse($$"""
        seed: 5
        search: { algorithm: {{(algorithm == "grid" ? "grid" : "random")}}, max_trials: {{(algorithm == "grid" ? 0 : 12)}} }
        train:
          dataset: { name: cifar10 }
          epochs: { values: [1, 2] }
          model: { choose: [{ name: resnet18, width: { values: [8, 16] } }, { name: vit, depth: { int_uniform: [1, 3] } }] }
        """, "sweep.yaml");

    private static ISearch Create(string algorithm) =>
        algorithm == "learner" ? new Learner(Sweep(algorithm).Space) : Searches.CreateChecked(Sweep(algorithm));

    private static List<Assignment> RunOneByOne(string algorithm, int snapshotAt = -1) => Run(algorithm, window: 1, _ => 0, snapshotAt);

    /// <param name="pick">Which of the running trials ends next.</param>
    private static List<Assignment> Run(string algorithm, int window, Func<int, int> pick, int snapshotAt = -1)
    {
        var (search, spec) = (Create(algorithm), Sweep(algorithm).Search);
        var (state, suggested, running) = (SearchState.Initial, new List<Assignment>(), new List<int>());
        while (true)
        {
            if (suggested.Count == snapshotAt)
                state = JsonSerializer.Deserialize<SearchState>(JsonSerializer.Serialize(state, ConfigJson.Options), ConfigJson.Options)!;
            var answer = running.Count < window ? state.Next(search, spec, window) : null;
            if (answer is SearchAnswer.Suggest suggestion)
            {
                (state, suggested, running) = (suggestion.State, [.. suggested, suggestion.Assignment], [.. running, suggestion.Trial]);
                continue;
            }
            if (running.Count == 0) return suggested;
            var trial = running[pick(running.Count)];
            running.Remove(trial);
            var observation = new TrialObservation(trial, suggested[trial], Math.Sin(trial));
            state = state.Observe(search, observation).Observe(search, observation);
        }
    }

    /// <summary>Suggests by what it has seen: wrong order or wrong set, other suggestions.</summary>
    private sealed class Learner(SearchSpace space) : ISearch
    {
        public string Algorithm => "learner";
        public int Trials => 12;
        public bool UsesResults => true;

        public Assignment? Suggest(int trial, IReadOnlyList<TrialObservation> seen)
        {
            var hash = seen.Aggregate(17UL, (sum, observation) => (sum * 31) + (ulong)observation.Trial + BitConverter.DoubleToUInt64Bits(observation.Value ?? 0));
            return SpacePoints.Sample(space, hash, trial);
        }
    }
}

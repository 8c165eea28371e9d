using Volley.Shared.Determinism;

namespace Volley.Simulation.Tests.World;

/// <summary>
/// Chance that belongs to (seed, who, n-th time) and to nothing else: taking one fault out of a run leaves the draws of all others as
/// they were, which is what makes a failing run short (<see cref="Shrinker"/>).
/// </summary>
internal struct Luck(ulong seed, string who)
{
    private readonly ulong _seed = Seeds.Derive(seed, who);

    public long Drawn { get; private set; }

    public KeyedRandom Next() => new(_seed ^ ((ulong)++Drawn * 0x9E3779B97F4A7C15));

    public TimeSpan NextBetween(double lowSeconds, double highSeconds)
    {
        var random = Next();
        return random.Between(lowSeconds, highSeconds);
    }

    public bool NextChance(double probability)
    {
        var random = Next();
        return random.Chance(probability);
    }

    public int NextInt(int exclusiveMax)
    {
        var random = Next();
        return random.NextInt(exclusiveMax);
    }
}

internal static class LuckyNumbers
{
    public static TimeSpan Between(ref this KeyedRandom random, double lowSeconds, double highSeconds) =>
        TimeSpan.FromSeconds(lowSeconds + (random.NextDouble() * (highSeconds - lowSeconds)));

    public static bool Chance(ref this KeyedRandom random, double probability) => random.NextDouble() < probability;
}

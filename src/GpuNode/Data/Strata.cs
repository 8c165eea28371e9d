using Volley.GpuNode.Data.Packed;
using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data;

/// <summary>Draws parts that hold each class in the proportion of the whole.</summary>
/// <remarks>
/// An image's stratum is its class; with several labels, its rarest label (a common part of iterative stratification, Sechidis et al.
/// 2011: the rare labels are those a random draw gets wrong); without any label, a stratum of its own kind.
/// </remarks>
internal sealed class Strata
{
    private readonly int[] _stratumOfImage;
    private readonly int _strata;

    public Strata(PackedFile packed)
    {
        var classes = packed.Header.ClassNames.Count;
        _strata = classes + 1;
        _stratumOfImage = new int[packed.Header.Images];
        var frequency = packed.Header.MultiLabel ? Frequencies(packed) : [];
        for (var image = 0; image < _stratumOfImage.Length; image++)
            _stratumOfImage[image] = packed.Header.MultiLabel ? RarestLabel(packed.LabelRow(image), frequency, none: classes) : packed.Label(image);
    }

    /// <summary>Takes <paramref name="count"/> of the images; quotas by largest remainder, ties to the lower class.</summary>
    /// <returns>Both ascending.</returns>
    public (int[] Taken, int[] Left) Take(int[] images, int count, KeyedRandom random)
    {
        var groups = new List<int>[_strata];
        for (var stratum = 0; stratum < _strata; stratum++) groups[stratum] = [];
        foreach (var image in images) groups[_stratumOfImage[image]].Add(image);

        var taken = new List<int>(count);
        var quotas = Quotas([.. groups.Select(group => group.Count)], count);
        for (var stratum = 0; stratum < _strata; stratum++)
        {
            // Every group is shuffled in turn by one generator: what one class draws depends on the seed and the classes before it.
            var members = groups[stratum].ToArray();
            random.Shuffle<int>(members);
            taken.AddRange(members.AsSpan(0, quotas[stratum]));
        }
        taken.Sort();
        var isTaken = taken.ToHashSet();
        return ([.. taken], [.. images.Where(image => !isTaken.Contains(image))]);
    }

    internal static int[] Quotas(int[] sizes, int count)
    {
        long total = sizes.Sum(size => (long)size);
        if (count > total) throw new ArgumentOutOfRangeException(nameof(count), count, $"There are {total} images.");
        var quotas = Array.ConvertAll(sizes, size => total == 0 ? 0 : (int)((long)size * count / total));
        var byRemainder = Enumerable.Range(0, sizes.Length)
            .OrderByDescending(stratum => total == 0 ? 0 : (long)sizes[stratum] * count % total)
            .ThenBy(stratum => stratum);
        foreach (var stratum in byRemainder.Take(count - quotas.Sum())) quotas[stratum]++;
        return quotas;
    }

    private static int[] Frequencies(PackedFile packed)
    {
        var frequency = new int[packed.Header.ClassNames.Count];
        for (var image = 0; image < packed.Header.Images; image++)
        {
            var row = packed.LabelRow(image);
            for (var label = 0; label < row.Length; label++) frequency[label] += row[label];
        }
        return frequency;
    }

    private static int RarestLabel(ReadOnlySpan<byte> row, int[] frequency, int none)
    {
        var rarest = none;
        for (var label = 0; label < row.Length; label++)
            if (row[label] != 0 && (rarest == none || frequency[label] < frequency[rarest])) rarest = label;
        return rarest;
    }
}

namespace Volley.Models.Spiking.Sparse;

/// <summary>One image's spikes the other way round: the pixels at which each channel spikes. Its memory serves one image after the other.</summary>
internal sealed class SpikePlaces(int channels, int pixels)
{
    private ushort[] _pixels = new ushort[Math.Max(1, channels * pixels / 8)];

    /// <summary>Channel c owns <see cref="Pixels"/>[Starts[c] … Starts[c + 1]), rising.</summary>
    public int[] Starts { get; } = new int[channels + 1];

    public ushort[] Pixels => _pixels;

    public void Read(SpikeLists spikes, int image)
    {
        var offset = image * pixels;
        var active = spikes.Active.AsSpan(spikes.Starts[offset]..spikes.Starts[offset + pixels]);
        if (_pixels.Length < active.Length) _pixels = new ushort[active.Length];
        Array.Clear(Starts);
        // Counting sort: how many of each channel, where each begins, then each spike to its place.
        foreach (var channel in active) Starts[channel + 1]++;
        for (var channel = 1; channel <= channels; channel++) Starts[channel] += Starts[channel - 1];
        Span<int> next = Starts.AsSpan(0, channels).ToArray();
        for (var pixel = 0; pixel < pixels; pixel++)
            foreach (var channel in spikes.Active.AsSpan(spikes.Starts[offset + pixel]..spikes.Starts[offset + pixel + 1]))
                _pixels[next[channel]++] = (ushort)pixel;
    }
}

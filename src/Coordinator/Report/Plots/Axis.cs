namespace Volley.Coordinator.Report.Plots;

/// <summary>Values along one side of a plot: where they lie (0..1) and what is written beside them.</summary>
internal abstract class Axis(string title)
{
    public string Title { get; } = title;

    /// <returns>0 at the low end of the axis, 1 at the high end.</returns>
    public abstract double Position(double value);

    public abstract IReadOnlyList<Tick> Ticks { get; }

    /// <summary>Linear or logarithmic around the values, with room at both ends.</summary>
    /// <param name="format">What a tick is called.</param>
    public static Axis Around(string title, IEnumerable<double> values, Func<double, string> format, bool isLog = false)
    {
        var finite = values.Where(value => double.IsFinite(value) && (!isLog || value > 0)).ToList();
        if (finite.Count == 0) return isLog ? new LogAxis(title, 1, 10, format) : new LinearAxis(title, 0, 1, format);
        var (low, high) = (finite.Min(), finite.Max());
        return isLog ? LogAxis.Around(title, low, high, format) : LinearAxis.Around(title, low, high, format);
    }
}

internal readonly record struct Tick(double Value, string Text);

internal sealed class LinearAxis : Axis
{
    // About what a reader takes in at once; steps of 1, 2 or 5.
    private const int AboutTicks = 5;

    private readonly double _low;
    private readonly double _high;

    public LinearAxis(string title, double low, double high, Func<double, string> format) : base(title)
    {
        (_low, _high) = (low, high);
        var step = NiceStep((high - low) / AboutTicks);
        var first = Math.Ceiling((low / step) - 1e-9);
        // Multiples of the step, not repeated addition: 0.30000000000000004 would be written as such.
        Ticks = [.. Enumerable.Range(0, 20).Select(i => (first + i) * step).TakeWhile(value => value <= high + (step * 1e-9)).Select(value => new Tick(value, format(Tidy(value, step))))];
    }

    public override IReadOnlyList<Tick> Ticks { get; }

    public override double Position(double value) => (value - _low) / (_high - _low);

    public static LinearAxis Around(string title, double low, double high, Func<double, string> format)
    {
        var room = high > low ? (high - low) * 0.06 : Math.Max(Math.Abs(low) * 0.1, 1e-3);
        return new LinearAxis(title, low - room, high + room, format);
    }

    public static double NiceStep(double about)
    {
        var magnitude = Math.Pow(10, Math.Floor(Math.Log10(about)));
        return (about / magnitude) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 } * magnitude;
    }

    private static double Tidy(double value, double step) =>
        Math.Round(value, Math.Clamp(1 - (int)Math.Floor(Math.Log10(step)), 0, 15));
}

internal sealed class LogAxis : Axis
{
    private readonly double _low;
    private readonly double _high;

    public LogAxis(string title, double low, double high, Func<double, string> format) : base(title)
    {
        (_low, _high) = (Math.Log10(low), Math.Log10(high));
        Ticks = [.. Values(low, high).Select(value => new Tick(value, format(value)))];
    }

    public override IReadOnlyList<Tick> Ticks { get; }

    public override double Position(double value) => (Math.Log10(value) - _low) / (_high - _low);

    public static LogAxis Around(string title, double low, double high, Func<double, string> format)
    {
        var room = Math.Max(Math.Pow(high / low, 0.08), 1.12);
        return new LogAxis(title, low / room, high * room, format);
    }

    /// <summary>Powers of ten over several decades, 1-2-5 over one or two, finer below: always at least two ticks.</summary>
    private static List<double> Values(double low, double high)
    {
        foreach (var steps in new double[][] { [1], [1, 3], [1, 2, 5], [1, 2, 3, 5, 7], [1, 1.5, 2, 3, 4, 5, 6, 8] })
        {
            var values = new List<double>();
            for (var decade = (int)Math.Floor(Math.Log10(low)); decade <= (int)Math.Ceiling(Math.Log10(high)); decade++)
                values.AddRange(steps.Select(step => step * Math.Pow(10, decade)).Where(value => value >= low && value <= high));
            if (values.Count >= 3) return values;
        }
        var linear = LinearAxis.NiceStep((high - low) / 4);
        return [.. Enumerable.Range(1, 20).Select(i => (Math.Floor(low / linear) + i) * linear).TakeWhile(value => value <= high)];
    }
}

/// <summary>Words side by side; value i is the i-th.</summary>
internal sealed class CategoryAxis(string title, IReadOnlyList<string> names) : Axis(title)
{
    public override IReadOnlyList<Tick> Ticks { get; } = [.. names.Select((name, index) => new Tick(index, name))];

    public override double Position(double value) => (value + 0.5) / names.Count;
}

namespace Volley.Coordinator.Report.Plots;

/// <summary>A model's colour and shape. Both differ, so that colour is never all that tells two models apart.</summary>
internal static class Palette
{
    /// <summary>Colours of the style sheet, in an order whose neighbours stay apart under the common colour-vision deficiencies.</summary>
    public const int Colours = 8;

    public static string Class(int model) => $"m{model % Colours}";

    /// <summary>Circle, square, diamond, triangle, triangle down, in turn; areas about equal.</summary>
    public static string Marker(int model, double x, double y, double radius)
    {
        var (s, d, t) = (radius * 0.89, radius * 1.25, radius * 1.2);
        return (model % 5) switch
        {
            0 => $"M{N(x - radius)} {N(y)}a{N(radius)} {N(radius)} 0 1 0 {N(2 * radius)} 0a{N(radius)} {N(radius)} 0 1 0 {N(-2 * radius)} 0Z",
            1 => $"M{N(x - s)} {N(y - s)}h{N(2 * s)}v{N(2 * s)}h{N(-2 * s)}Z",
            2 => $"M{N(x)} {N(y - d)}L{N(x + d)} {N(y)}L{N(x)} {N(y + d)}L{N(x - d)} {N(y)}Z",
            3 => $"M{N(x)} {N(y - t)}L{N(x + t)} {N(y + (t * 0.8))}L{N(x - t)} {N(y + (t * 0.8))}Z",
            _ => $"M{N(x)} {N(y + t)}L{N(x + t)} {N(y - (t * 0.8))}L{N(x - t)} {N(y - (t * 0.8))}Z",
        };
    }

    private static string N(double value) => Html.Number(value);
}

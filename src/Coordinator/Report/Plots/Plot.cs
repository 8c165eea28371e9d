using System.Text;

namespace Volley.Coordinator.Report.Plots;

/// <summary>One diagram as inline SVG: axes, grid, marks. Drawn here and not by a script, so that the page reads without one.</summary>
/// <remarks>Colours are the style sheet's classes, so light and dark need no second drawing. <c>data-tip</c> is what a pointer shows.</remarks>
internal sealed class Plot
{
    private const double Right = 16;
    private const double Top = 14;
    private const double Bottom = 48;
    private const double DotRadius = 5;

    // Of the labels' font, for placing them: 11 px.
    private const double LetterWidth = 6.2;
    private const double LabelHeight = 12;

    private readonly double _width;
    private readonly double _height;
    private readonly double _left;
    private readonly Axis _x;
    private readonly Axis _y;
    private readonly StringBuilder _marks = new();
    private readonly List<Box> _taken = [];

    /// <param name="left">Room for the names of the y axis's ticks.</param>
    public Plot(Axis x, Axis y, double width = 440, double height = 300, double left = 62) => (_x, _y, _width, _height, _left) = (x, y, width, height, left);

    public void Line(IEnumerable<(double X, double Y)> points, string cssClass, string tip, int model)
    {
        var text = new StringBuilder();
        var isPenDown = false;
        foreach (var (x, y) in points)
        {
            if (!double.IsFinite(x) || !double.IsFinite(y)) { isPenDown = false; continue; }
            text.Append(isPenDown ? 'L' : 'M').Append(Html.Number(X(x))).Append(' ').Append(Html.Number(Y(y)));
            isPenDown = true;
        }
        if (text.Length > 0) _marks.Append($"<path class=\"line {cssClass}\" d=\"{text}\"{Of(model)} data-tip=\"{Html.Text(tip)}\"/>\n");
    }

    /// <summary>A staircase through the Pareto front: between two of its points nothing better is known.</summary>
    /// <param name="points">By rising x.</param>
    public void Front(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count < 2) return;
        var text = new StringBuilder($"M{Html.Number(X(points[0].X))} {Html.Number(Y(points[0].Y))}");
        foreach (var (x, y) in points.Skip(1)) text.Append($"H{Html.Number(X(x))}V{Html.Number(Y(y))}");
        _marks.Append($"<path class=\"front\" d=\"{text}\"/>\n");
    }

    /// <param name="model">Index in the legend: decides colour and shape.</param>
    public void Dot(double x, double y, int model, string tip, bool isHollow = false)
    {
        if (!double.IsFinite(x) || !double.IsFinite(y)) return;
        var (at, up) = (X(x), Y(y));
        _taken.Add(new Box(at - DotRadius, up - DotRadius, 2 * DotRadius, 2 * DotRadius));
        var style = $"class=\"dot {Palette.Class(model)}{(isHollow ? " hollow" : "")}\"{Of(model)} tabindex=\"0\" data-tip=\"{Html.Text(tip)}\"";
        _marks.Append($"<path {style} d=\"{Palette.Marker(model, at, up, DotRadius)}\"><title>{Html.Text(tip)}</title></path>\n");
    }

    /// <summary>A point of a curve: visible only under the pointer.</summary>
    public void Hover(double x, double y, int model, string tip)
    {
        if (!double.IsFinite(x) || !double.IsFinite(y)) return;
        _marks.Append($"<circle class=\"hover {Palette.Class(model)}\" cx=\"{Html.Number(X(x))}\" cy=\"{Html.Number(Y(y))}\" r=\"6\"{Of(model)} data-tip=\"{Html.Text(tip)}\"/>\n");
    }

    /// <summary>A word beside a dot, wherever it covers no dot and no other word; nowhere if there is no such place.</summary>
    public void Label(double x, double y, string text, int model)
    {
        if (!double.IsFinite(x) || !double.IsFinite(y)) return;
        var (at, up, width) = (X(x), Y(y), text.Length * LetterWidth);
        Box[] places =
        [
            new(at + DotRadius + 4, up - (LabelHeight / 2), width, LabelHeight),
            new(at - DotRadius - 4 - width, up - (LabelHeight / 2), width, LabelHeight),
            new(at - (width / 2), up - DotRadius - 4 - LabelHeight, width, LabelHeight),
            new(at - (width / 2), up + DotRadius + 4, width, LabelHeight),
        ];
        foreach (var place in places)
        {
            if (place.X < _left || place.X + place.Width > _width || place.Y < 0 || place.Y + place.Height > _height - Bottom || _taken.Any(place.Overlaps)) continue;
            _taken.Add(place);
            _marks.Append($"<text class=\"label\" x=\"{Html.Number(place.X)}\" y=\"{Html.Number(place.Y + LabelHeight - 3)}\"{Of(model)}>{Html.Text(text)}</text>\n");
            return;
        }
    }

    /// <param name="title">What the diagram shows, for readers of the page's text.</param>
    public string Svg(string title)
    {
        var (right, bottom) = (_width - Right, _height - Bottom);
        var svg = new StringBuilder($"<svg class=\"plot\" viewBox=\"0 0 {Html.Number(_width)} {Html.Number(_height)}\" role=\"img\" aria-label=\"{Html.Text(title)}\">\n");
        foreach (var tick in _y.Ticks)
        {
            var y = Html.Number(Y(tick.Value));
            svg.Append($"<line class=\"grid\" x1=\"{Html.Number(_left)}\" x2=\"{Html.Number(right)}\" y1=\"{y}\" y2=\"{y}\"/>");
            svg.Append($"<text class=\"tick\" x=\"{Html.Number(_left - 8)}\" y=\"{y}\" dy=\"0.32em\" text-anchor=\"end\">{Html.Text(tick.Text)}</text>\n");
        }
        var isCrowded = _x.Ticks.Sum(tick => tick.Text.Length + 2) * LetterWidth > right - _left;
        foreach (var tick in _x.Ticks)
        {
            var x = Html.Number(X(tick.Value));
            if (_x is not CategoryAxis) svg.Append($"<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"{Top}\" y2=\"{Html.Number(bottom)}\"/>");
            var turn = isCrowded ? $" transform=\"rotate(-25 {x} {Html.Number(bottom + 16)})\" text-anchor=\"end\"" : " text-anchor=\"middle\"";
            svg.Append($"<text class=\"tick\" x=\"{x}\" y=\"{Html.Number(bottom + 16)}\"{turn}>{Html.Text(tick.Text)}</text>\n");
        }
        svg.Append($"<line class=\"axis\" x1=\"{Html.Number(_left)}\" x2=\"{Html.Number(right)}\" y1=\"{Html.Number(bottom)}\" y2=\"{Html.Number(bottom)}\"/>\n");
        svg.Append($"<text class=\"axis-title\" x=\"{Html.Number((_left + right) / 2)}\" y=\"{Html.Number(_height - 8)}\" text-anchor=\"middle\">{Html.Text(_x.Title)}</text>\n");
        svg.Append($"<text class=\"axis-title\" transform=\"translate(14 {Html.Number((Top + bottom) / 2)}) rotate(-90)\" text-anchor=\"middle\">{Html.Text(_y.Title)}</text>\n");
        return svg.Append(_marks).Append("</svg>\n").ToString();
    }

    private static string Of(int model) => $" data-model=\"{model}\"";

    private double X(double value) => _left + (_x.Position(value) * (_width - _left - Right));

    private double Y(double value) => _height - Bottom - (_y.Position(value) * (_height - Top - Bottom));

    private readonly record struct Box(double X, double Y, double Width, double Height)
    {
        public bool Overlaps(Box other) =>
            X < other.X + other.Width && other.X < X + Width && Y < other.Y + other.Height && other.Y < Y + Height;
    }
}

using System.Globalization;
using System.Net;

namespace Volley.Coordinator.Report;

/// <summary>Text and numbers as they may stand in markup. Everything that came from a file or a node goes through here.</summary>
internal static class Html
{
    /// <summary>For text and for attributes in double quotes; line breaks survive in attributes.</summary>
    public static string Text(string text) =>
        WebUtility.HtmlEncode(new string([.. text.Where(letter => letter is '\n' or '\t' || !char.IsControl(letter))])).Replace("\n", "&#10;", StringComparison.Ordinal);

    /// <summary>A coordinate: hundredths of a pixel are more than anybody sees.</summary>
    public static string Number(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);
}

using Volley.Coordinator.Cli;

namespace Volley.Coordinator.Tests.Cli;

public sealed class TextTableTests
{
    private static readonly (string Name, int Count, string Note)[] Rows = [("short", 7, "a note"), ("a-name-that-is-quite-long", 12345, "another note\nwith a second line")];

    private static TextTable<(string Name, int Count, string Note)> Table => new TextTable<(string Name, int Count, string Note)>()
        .Column("NAME", row => row.Name)
        .Column("COUNT", row => row.Count, isNumber: true)
        .Column("NOTE", row => row.Note, 1);

    [Fact]
    public void WithoutATerminal_NothingIsCut()
    {
        Assert.Equal(
            """
            NAME                       COUNT  NOTE
            short                          7  a note
            a-name-that-is-quite-long  12345  another note with a second line

            """, Print(null));
    }

    [Fact]
    public void WhatNoRowHas_IsNoColumn()
    {
        var text = new StringWriter();
        Table.Print(text, null, [("short", 7, "")]);
        Assert.DoesNotContain("NOTE", text.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(40)]
    [InlineData(32)]
    [InlineData(24)]
    [InlineData(20)]
    public void InATerminal_EveryLineFits(int width) => Assert.All(Print(width).Split('\n'), line => Assert.True(line.Length <= width, line));

    [Fact]
    public void WhereItIsNarrow_TheLeastImportantColumnGoesFirst()
    {
        Assert.DoesNotContain("NOTE", Print(40), StringComparison.Ordinal);
        Assert.Contains("…", Print(24), StringComparison.Ordinal);
        Assert.Contains("12345", Print(24), StringComparison.Ordinal);
    }

    private static string Print(int? width)
    {
        var text = new StringWriter();
        Table.Print(text, width, Rows);
        return text.ToString();
    }
}

using System.Text;
using Volley.Shared.Messages;

namespace Volley.Shared.Tests.Serialization;

public sealed class MessageLimitsTests
{
    [Theory]
    [InlineData("short", 10, "short")]
    [InlineData("exactly ten", 11, "exactly ten")]
    [InlineData("one too many", 11, "one too …")]
    [InlineData("größer", 6, "gr…")]              // ö has two bytes and would be cut in half
    [InlineData("a😀bcdef", 8, "a😀…")]           // a surrogate pair is one rune
    public void Clip_CutsAtARune(string text, int maxBytes, string expected)
    {
        Assert.Equal(expected, MessageLimits.Clip(text, maxBytes));
        Assert.True(Encoding.UTF8.GetByteCount(MessageLimits.Clip(text, maxBytes)) <= maxBytes);
    }

    [Fact]
    public void ClipLines_KeepsTheNewestThatFit()
    {
        string[] lines = ["oldest", "older", "newest"];
        Assert.Equal(["older", "newest"], MessageLimits.ClipLines(lines, 24));
        Assert.Equal(lines, MessageLimits.ClipLines(lines, 1000));
    }

    [Fact]
    public void ClipLines_CutsAnEndlessLineInsteadOfDroppingTheOthers()
    {
        var clipped = MessageLimits.ClipLines(["cause", new string('x', 1 << 20)], 400);
        Assert.Equal("cause", clipped[0]);
        Assert.Equal(2, clipped.Length);
    }
}

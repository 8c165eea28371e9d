using System.Text;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Determinism;

namespace Volley.Shared.Tests.Config.Yaml;

/// <summary>A good file with a few characters changed is read or refused; it never ends in an exception that nobody wrote a message for.</summary>
public sealed class MutatedSweepFileTests
{
    private const string Pieces = "[]{}:,-#&*!|>'\"%@`?~ \t\n\r\0\\0123456789.eE+xyz\u00fc\u2028\ufeff";

    [Fact]
    public void Parse_ReadsOrRefuses_AnyMutation()
    {
        var refused = 0;
        for (var i = 0; i < 600; i++)
        {
            var random = KeyedRandom.For(1, "mutation", i);
            var text = new StringBuilder(SweepFileTests.DesignExample);
            for (var edits = 1 + random.NextInt(4); edits > 0; edits--)
            {
                var at = random.NextInt(text.Length);
                switch (random.NextInt(4))
                {
                    case 0: text.Remove(at, Math.Min(1 + random.NextInt(12), text.Length - at)); break;
                    case 1: text.Insert(at, Pieces[random.NextInt(Pieces.Length)]); break;
                    case 2: text[at] = Pieces[random.NextInt(Pieces.Length)]; break;
                    default: text.Insert(at, text.ToString(at, Math.Min(20, text.Length - at))); break;
                }
                if (text.Length == 0) text.Append('a');
            }
            try
            {
                SweepFile.Parse(text.ToString(), "f");
            }
            catch (ConfigException e)
            {
                refused++;
                Assert.All(e.Problems, problem => Assert.False(string.IsNullOrWhiteSpace(problem.Message)));
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i}: {e}\n{text}");
            }
        }
        // Most edits break something; some only change a value.
        Assert.InRange(refused, 300, 599);
    }
}

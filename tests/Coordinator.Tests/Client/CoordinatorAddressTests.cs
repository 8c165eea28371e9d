using Volley.Coordinator.Client;
using Volley.Shared;

namespace Volley.Coordinator.Tests.Client;

public sealed class CoordinatorAddressTests
{
    [Theory]
    [InlineData("10.0.0.1:7070", "http://10.0.0.1:7070/")]
    [InlineData("http://10.0.0.1:7070/", "http://10.0.0.1:7070/")]
    [InlineData("gpu-host.local:80", "http://gpu-host.local/")]
    [InlineData("[::1]:7070", "http://[::1]:7070/")]
    [InlineData("a:1, b:2,c:3", "http://a:1/ http://b:2/ http://c:3/")]
    public void AnAddress_IsHostAndPort(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', CoordinatorAddress.Of(text, null).Uris));

    [Theory]
    [InlineData("10.0.0.1", "HOST:PORT")]
    [InlineData("10.0.0.1:", "HOST:PORT")]
    [InlineData("10.0.0.1:0", "HOST:PORT")]
    [InlineData("10.0.0.1:70700", "HOST:PORT")]
    [InlineData(":7070", "HOST:PORT")]
    [InlineData("::1:7070", "HOST:PORT")]
    [InlineData("https://10.0.0.1:7070", "HOST:PORT")]
    [InlineData("two words:7070", "HOST:PORT")]
    [InlineData("host/path:7070", "HOST:PORT")]
    [InlineData(",", "HOST:PORT")]
    [InlineData("akka.tcp://volley@10.0.0.1:4053", "the HTTP API's")]
    public void AnythingElse_IsRefusedWithItsSource(string text, string expected)
    {
        var error = Assert.Throws<UserErrorException>(() => CoordinatorAddress.Of(text, "ignored:1"));
        Assert.StartsWith("--coordinator:", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheVariable_IsTakenWhereNoOptionIs()
    {
        Assert.Equal("a:1", CoordinatorAddress.Of(null, "a:1").ToString());
        Assert.StartsWith(CoordinatorAddress.Variable, Assert.Throws<UserErrorException>(() => CoordinatorAddress.Of(null, "nonsense")).Message, StringComparison.Ordinal);
        Assert.Contains(CoordinatorAddress.Variable, Assert.Throws<UserErrorException>(() => CoordinatorAddress.Of(null, "")).Message, StringComparison.Ordinal);
    }
}

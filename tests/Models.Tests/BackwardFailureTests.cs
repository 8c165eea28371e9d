using static TorchSharp.torch;

namespace Volley.Models.Tests;

public sealed class BackwardFailureTests
{
    [Fact]
    public void AnExceptionInsideBackward_ComesOutAfterIt_AndOnlyOnce()
    {
        using var scope = NewDisposeScope();
        var x = ones(3).requires_grad_();
        Failing.apply(x).sum().backward();
        Near.AssertSame(zeros(3), x.grad!);
        Assert.Equal("broken on purpose", Assert.Throws<InvalidOperationException>(BackwardFailure.ThrowIfAny).Message);
        BackwardFailure.ThrowIfAny();
    }

    private sealed class Failing : autograd.SingleTensorFunction<Failing>
    {
        public override string Name => nameof(Failing);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => ((Tensor)vars[0]).clone();

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            BackwardFailure.Guard(grad_output, () => throw new InvalidOperationException("broken on purpose"), () => [zeros_like(grad_output)]);
    }
}

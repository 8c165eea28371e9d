using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>What takes the place of the step function's derivative in backward.</summary>
public enum SurrogateShape
{
    /// <summary>Derivative of σ(αu): α σ(αu) (1 − σ(αu)).</summary>
    Sigmoid,

    /// <summary>Derivative of atan(παu/2)/π: (α/2) / (1 + (παu/2)²).</summary>
    Atan,
}

/// <summary>The step function with a smooth derivative: forward u ≥ 0, backward as <see cref="SurrogateShape"/> says. u = h − v_th.</summary>
/// <param name="Alpha">Slope α. The references use the sigmoid with 4.</param>
public readonly record struct SurrogateGradient(SurrogateShape Shape, double Alpha)
{
    /// <summary>Plain version, differentiable.</summary>
    /// <param name="u">Membrane minus threshold. Borrowed.</param>
    /// <returns>1 where u ≥ 0 (also at −0), else 0.</returns>
    public Tensor Fire(Tensor u)
    {
        var step = u.ge(0).to_type(u.dtype);
        if (!is_grad_enabled() || !u.requires_grad) return step;
        // x − x is exactly 0, so this adds the derivative of the primitive and nothing else to the step.
        var primitive = Primitive(u);
        return primitive.sub(primitive.detach()).add(step);
    }

    /// <summary>The derivative that backward uses, in plain ops.</summary>
    public Tensor Derivative(Tensor u)
    {
        if (Shape == SurrogateShape.Sigmoid)
        {
            var g = u.mul(Alpha).sigmoid();
            return g.mul(1 - g).mul(Alpha);
        }
        return 0.5 * Alpha / (u.mul(0.5 * Math.PI * Alpha).square() + 1);
    }

    private Tensor Primitive(Tensor u) => Shape == SurrogateShape.Sigmoid
        ? u.mul(Alpha).sigmoid()
        : u.mul(0.5 * Math.PI * Alpha).atan().div(Math.PI);
}

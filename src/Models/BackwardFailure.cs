using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Volley.Models;

/// <summary>
/// Carries an exception out of a custom backward. One that leaves it through libtorch's native frames aborts the process (DESIGN §12, trap 1),
/// so it is kept here, zeros go on, and who called <c>backward()</c> calls <see cref="ThrowIfAny"/> afterwards and discards the gradients.
/// </summary>
public static class BackwardFailure
{
    // The first of a backward pass; the engine may run it on a thread of its own (CUDA).
    private static ExceptionDispatchInfo? s_first;

    /// <summary>To be called after every <c>backward()</c>: throws what a custom function could not.</summary>
    public static void ThrowIfAny() => Interlocked.Exchange(ref s_first, null)?.Throw();

    /// <param name="backward">What may fail.</param>
    /// <param name="zeros">Gradients of the right shapes, should it.</param>
    internal static List<Tensor> Guard(Func<List<Tensor>> backward, Func<List<Tensor>> zeros)
    {
        try
        {
            return backward();
        }
#pragma warning disable CA1031 // whatever it is, it would abort the process; ThrowIfAny rethrows it unchanged
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref s_first, ExceptionDispatchInfo.Capture(failure), null);
            return zeros();
        }
    }
}

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

    // What the last custom backward of this thread returned. libtorch holds its own references once backward has returned, so these end at the next one: held by a
    // dispose scope until the step's end, they would keep every layer's gradient in memory at once. (On a thread of the engine there is no scope to hold them at all.)
    [ThreadStatic] private static List<Tensor>? t_returned;

    /// <summary>To be called after every <c>backward()</c>: throws what a custom function could not.</summary>
    public static void ThrowIfAny()
    {
        Release();
        Interlocked.Exchange(ref s_first, null)?.Throw();
    }

    /// <summary>Runs a custom function's backward in a dispose scope of its own.</summary>
    /// <param name="gradient">What the function was given. Disposed.</param>
    /// <param name="backward">What may fail. Null stands for an argument that is no tensor.</param>
    /// <param name="zeros">Gradients of the right shapes, should it.</param>
    internal static List<Tensor> Guard(Tensor gradient, Func<List<Tensor?>> backward, Func<List<Tensor?>> zeros)
    {
        using var scope = NewDisposeScope();
        Release();
        List<Tensor?> gradients;
        try
        {
            gradients = backward();
        }
#pragma warning disable CA1031 // whatever it is, it would abort the process; ThrowIfAny rethrows it unchanged
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref s_first, ExceptionDispatchInfo.Capture(failure), null);
            gradients = zeros();
        }
        t_returned = [.. gradients.OfType<Tensor>().Select(tensor => tensor.DetachFromDisposeScope())];
        gradient.Dispose();
        return gradients!;
    }

    private static void Release()
    {
        foreach (var tensor in t_returned ?? []) tensor.Dispose();
        t_returned = null;
    }
}

using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Gradients;

/// <summary>
/// Sends a step's gradients through a group, bucket after bucket in plan order: each as soon as it is final (the overlapped path), or all of
/// them at the end (the plain path, the reference of the other). The sums have the same bits either way.
/// </summary>
/// <remarks>One step at a time: <see cref="Start"/>, <see cref="FinalUpTo"/> as backward comes along, <see cref="Wait"/>. After a failure <see cref="Abandon"/> and no other step.</remarks>
internal sealed class GradientReducer(ICollective group, BucketPlan plan, ElementType type, WireType wire)
{
    private readonly List<ICollectiveWork> _underWay = [];
    private readonly int _elementBytes = type == ElementType.Float64 ? 8 : 4;
    private nint[] _pieces = [];
    private Action<GradientBucket>? _complete;
    private long _step;
    private int _begun;

    /// <param name="pieces">Where each of this rank's pieces begins; the sum replaces the first.</param>
    /// <param name="complete">Called before a bucket leaves: what is still to be added to its gradients on this rank.</param>
    public void Start(long step, nint[] pieces, Action<GradientBucket> complete)
    {
        if (_underWay.Count > 0) throw new InvalidOperationException($"step {step} began while {_underWay.Count} exchanges of step {_step} are under way.");
        (_step, _pieces, _complete, _begun) = (step, pieces, complete, 0);
    }

    /// <summary>Backward will not touch the first <paramref name="elements"/> again: the buckets in them leave.</summary>
    public void FinalUpTo(long elements)
    {
        var complete = _complete ?? throw new InvalidOperationException("no step was started");
        for (; _begun < plan.Buckets.Length && plan.Buckets[_begun].End <= elements; _begun++)
        {
            var bucket = plan.Buckets[_begun];
            complete(bucket);
            var places = new nint[_pieces.Length];
            for (var i = 0; i < places.Length; i++) places[i] = _pieces[i] + (nint)(bucket.Start * _elementBytes);
            _underWay.Add(group.AllReduce(places, bucket.Length, type, wire, new OperationName("bucket", _step, bucket.Number)));
        }
    }

    /// <summary>Begins another sum of the same step, behind the buckets begun so far.</summary>
    public void Begin(string what, ReadOnlySpan<nint> pieces, long count, ElementType ofType) =>
        _underWay.Add(group.AllReduce(pieces, count, ofType, WireType.Same, new OperationName(what, _step)));

    /// <summary>Begins what has not left, and returns when every sum is there.</summary>
    /// <exception cref="PeerLostException">The group is over.</exception>
    public void Wait()
    {
        FinalUpTo(plan.Layout.Length);
        foreach (var work in _underWay) work.Wait();
        _underWay.Clear();
    }

    /// <summary>Makes every rank leave, and returns when nothing of this step is read or written any more.</summary>
    public void Abandon(string reason)
    {
        group.Abort(reason);
        foreach (var work in _underWay)
        {
            try
            {
                work.Wait();
            }
#pragma warning disable CA1031 // the failure that made the step end is on its way up; these are its echoes
            catch (Exception)
#pragma warning restore CA1031
            {
            }
        }
        _underWay.Clear();
    }
}

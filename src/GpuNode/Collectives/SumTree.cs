using System.Collections.Immutable;
using Volley.GpuNode.Gradients;

namespace Volley.GpuNode.Collectives;

/// <summary>
/// The canonical sum over given pieces, compiled once per group: which piece is added to which, in <see cref="ShardTree"/>'s order. What
/// is left of the shards' tree when every piece counts as a leaf.
/// </summary>
/// <remarks>
/// Additions of leaves are joined where the tree's shape allows — a+b, (a+b)+c, (a+b)+(c+d) — so that fewer intermediate sums are
/// written: the same additions in the same order, hence the same bits.
/// </remarks>
internal sealed class SumTree
{
    private readonly ImmutableArray<Step>.Builder _steps = ImmutableArray.CreateBuilder<Step>();
    private readonly ImmutableArray<TreePiece> _leaves;
    private int _used;

    private SumTree(TreePiece root, ImmutableArray<TreePiece> leaves)
    {
        _leaves = leaves;
        var result = Compile(root, Operand.Result);
        Steps = _steps.ToImmutable();
        IsOneLeaf = result.Kind == OperandKind.Leaf;
    }

    public enum OperandKind { Leaf, Scratch, Result }

    /// <param name="Index">Of the leaf, or of the intermediate sum.</param>
    public readonly record struct Operand(OperandKind Kind, int Index)
    {
        public static Operand Result => new(OperandKind.Result, 0);
    }

    /// <param name="Operands">2: a+b; 3: (a+b)+c; 4: (a+b)+(c+d).</param>
    public readonly record struct Step(ImmutableArray<Operand> Operands, Operand Target);

    public int Leaves => _leaves.Length;

    /// <summary>In the order of execution; the last one's target is the result. Empty for one leaf, which is the sum.</summary>
    public ImmutableArray<Step> Steps { get; }

    /// <summary>Intermediate sums alive at once.</summary>
    public int ScratchCount { get; private set; }

    public bool IsOneLeaf { get; }

    /// <summary>Over all pieces of all ranks.</summary>
    public static SumTree Of(ShardAssignment shards) =>
        Over(new TreePiece(0, shards.Shards), [.. shards.AllPieces().Select(at => at.Piece)]);

    /// <param name="root">What is summed: a whole subtree of the shards' tree.</param>
    /// <param name="leaves">Whole subtrees that cover it, left to right.</param>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static SumTree Over(TreePiece root, ImmutableArray<TreePiece> leaves) => new(root, leaves);

    private Operand Compile(TreePiece node, Operand target)
    {
        var leaf = _leaves.IndexOf(node);
        if (leaf >= 0) return new Operand(OperandKind.Leaf, leaf);
        var (left, right) = Split(node);
        var before = _used;
        ImmutableArray<Operand> operands;
        if (IsLeaf(left))
        {
            operands = [Compile(left, default), Compile(right, Take())];
        }
        else
        {
            var (a, b) = Split(left);
            if (IsLeaf(right))
            {
                operands = [Compile(a, Take()), Compile(b, Take()), Compile(right, default)];
            }
            else
            {
                var (c, d) = Split(right);
                operands = [Compile(a, Take()), Compile(b, Take()), Compile(c, Take()), Compile(d, Take())];
            }
        }
        _used = before;   // the operands are read before the target is written, and never again
        _steps.Add(new Step(operands, target));
        return target;
    }

    private Operand Take()
    {
        ScratchCount = Math.Max(ScratchCount, ++_used);
        return new Operand(OperandKind.Scratch, _used - 1);
    }

    private bool IsLeaf(TreePiece node) => _leaves.Contains(node);

    private (TreePiece Left, TreePiece Right) Split(TreePiece node)
    {
        if (node.Count < 2) throw new ArgumentException($"the pieces {string.Join(", ", _leaves)} are no whole subtrees that cover shard {node.First}.");
        var left = ShardTree.LeftCount(node.Count);
        return (new TreePiece(node.First, left), new TreePiece(node.First + left, node.Count - left));
    }
}

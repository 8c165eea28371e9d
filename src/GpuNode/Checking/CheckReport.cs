namespace Volley.GpuNode.Checking;

/// <summary>All comparisons of one kind in one file and type.</summary>
internal sealed class CheckGroup(string name)
{
    private readonly List<string> _failures = [];

    public string Name { get; } = name;

    public int Compared { get; private set; }

    /// <summary>Largest error over its allowance: at most 1 where everything passed.</summary>
    public double WorstRatio { get; private set; } = -1;

    /// <summary>Absolute, of the tensor with the largest ratio.</summary>
    public double WorstError { get; private set; }

    public double WorstAllowed { get; private set; }

    public string WorstTensor { get; private set; } = "";

    public IReadOnlyList<string> Failures => _failures;

    public bool IsPassed => _failures.Count == 0;

    /// <param name="tensor">Its name.</param>
    /// <param name="error">Largest absolute difference; NaN fails.</param>
    /// <param name="allowed">0: only equality passes.</param>
    public void Add(string tensor, double error, double allowed)
    {
        Compared++;
        var passed = error <= allowed;
        var ratio = error == 0 ? 0 : double.IsNaN(error) ? double.PositiveInfinity : error / allowed;
        if (ratio > WorstRatio) (WorstRatio, WorstError, WorstAllowed, WorstTensor) = (ratio, error, allowed, tensor);
        if (!passed) _failures.Add($"{tensor}: differs by {error:G3}, allowed {allowed:G3}");
    }

    public void AddFailure(string message)
    {
        Compared++;
        WorstRatio = double.PositiveInfinity;
        (WorstError, WorstTensor) = (double.NaN, message);
        _failures.Add(message);
    }
}

/// <summary>What checking one file in one type found.</summary>
internal sealed class CheckReport(string path, string type)
{
    private readonly Dictionary<string, CheckGroup> _groups = new(StringComparer.Ordinal);
    private readonly List<CheckGroup> _inOrder = [];
    private readonly List<string> _notes = [];

    public string Path { get; } = path;

    /// <summary>f64 | f32.</summary>
    public string Type { get; } = type;

    public IReadOnlyList<CheckGroup> Groups => _inOrder;

    /// <summary>What a reader must know to judge the figures.</summary>
    public IReadOnlyList<string> Notes => _notes;

    public bool IsPassed => _inOrder.Count > 0 && _inOrder.All(group => group.IsPassed);

    public void AddNote(string note) => _notes.Add(note);

    public CheckGroup Group(string name)
    {
        if (_groups.TryGetValue(name, out var group)) return group;
        group = _groups[name] = new CheckGroup(name);
        _inOrder.Add(group);
        return group;
    }
}

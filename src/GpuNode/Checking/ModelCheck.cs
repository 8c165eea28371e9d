using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Models.Losses;
using Volley.Models.Safetensors;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>Compares one network with a golden file, in the order of operations that the file was made in. Each part starts from the file's state.</summary>
internal sealed class ModelCheck
{
    // Gradients that are zero but for rounding: ten times what the references recorded of them in double (3e-15). Another order of summation gives another noise.
    private const double F64Noise = 3e-14;

    private readonly GoldenFile _file;
    private readonly CheckReport _report;
    private readonly ScalarType _type;
    private readonly Tolerances _tolerances;
    private readonly string[] _gradients;
    private readonly double _largestGradient;

    private ModelCheck(GoldenFile file, CheckReport report, ScalarType type)
    {
        (_file, _report, _type, _tolerances) = (file, report, type, Tolerances.For(type));
        _gradients = [.. file.Below("train/grad/")];
        _largestGradient = _gradients.Select(name => LargestOf("train/grad/" + name)).DefaultIfEmpty(0).Max();
    }

    public static void Run(GoldenFile file, CheckReport report, ScalarType type)
    {
        var check = new ModelCheck(file, report, type);
        check.Evaluation(isObserved: true);
        check.Evaluation(isObserved: false);
        check.Training(isObserved: true);
        check.Training(isObserved: false);
        check.Step("adamw", "adamw/state/");
        check.Step("sgd", "sgd/state/");
        check.Tet();
    }

    /// <param name="isObserved">
    /// Spiking networks fuse neighbouring modules when nobody looks (<see cref="ImageClassifier.IsObserved"/>): once with the recorder, once as training and evaluation run.
    /// </param>
    private void Evaluation(bool isObserved)
    {
        if (!_file.Below("eval/").Any()) return;
        using var scope = NewDisposeScope();
        using var model = GoldenModel.Build(_file, _type);
        using var _ = no_grad();
        model.eval();
        using var intermediates = isObserved ? Intermediates.Attach(_file, model, "eval/") : null;
        var output = model.call(Input());
        CompareOutputs("eval/", output, Loss(output));
        CompareSinglePrecision("f32/eval/output", "f32 eval output", output);
        intermediates?.Compare(_report, _tolerances);
    }

    private void Training(bool isObserved)
    {
        if (!_file.Below("train/").Any() && !_file.Below("f32/train/").Any()) return;
        using var scope = NewDisposeScope();
        using var model = GoldenModel.Build(_file, _type);
        CompareCounts(model);
        using var intermediates = isObserved ? Intermediates.Attach(_file, model, "train/") : null;
        var input = Input().requires_grad_();
        var output = model.call(input);
        var loss = Loss(output);
        loss.backward();
        CompareOutputs("train/", output, loss);
        CompareSinglePrecision("f32/train/output", "f32 train output", output);
        CompareSinglePrecision("f32/train/loss", "f32 train loss", loss);
        intermediates?.Compare(_report, _tolerances);
        CompareGradients(model, input);
    }

    private void CompareCounts(ImageClassifier model)
    {
        var group = _report.Group("parameters");
        if (_file.Metadata("n_params") is { } count)
        {
            var found = model.parameters().Sum(p => p.numel());
            if (found.ToString() == count) group.Add("n_params", 0, 0);
            else group.AddFailure($"n_params: the model has {found}, the reference {count}");
        }
        if (_file.Metadata("params_without_grad") is not null)
            Comparison.CompareNames(group, "params_without_grad", model.UnusedParameters, _file.MetadataJson<string[]>("params_without_grad"));
    }

    private void CompareOutputs(string part, Tensor output, Tensor loss)
    {
        CompareValue(part + "output", part + "output", output);
        CompareValue(part + "loss", part + "loss", loss);
    }

    private void CompareValue(string group, string name, Tensor actual)
    {
        if (_file.Contains(name)) Comparison.Compare(_report.Group(group), name, actual, _file.Read(name), _tolerances.ForValue);
    }

    private void CompareSinglePrecision(string name, string group, Tensor actual)
    {
        if (_file.Contains(name)) Comparison.Compare(_report.Group(group), name, actual, _file.Read(name), Tolerances.F32.ForValue);
    }

    private void CompareGradients(ImageClassifier model, Tensor input)
    {
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        var withGradient = parameters.Where(p => p.Value.grad is not null).Select(p => p.Key).ToArray();
        if (_gradients.Length > 0) Comparison.CompareNames(_report.Group("parameters"), "parameters with a gradient", withGradient, _gradients);
        foreach (var (prefix, title, tolerances) in new[] { ("train/", "train gradients", _tolerances), ("f32/train/", "f32 train gradients", Tolerances.F32) })
        {
            foreach (var name in _file.Below(prefix + "grad/"))
            {
                var expected = _file.Read(prefix + "grad/" + name);
                if (!parameters.TryGetValue(name, out var parameter) || parameter.grad is not { } gradient)
                    _report.Group(title).AddFailure($"{name}: the reference has a gradient, the model does not");
                else
                    Comparison.Compare(_report.Group(title), name, gradient, expected, largest => tolerances.ForGradient(largest, _largestGradient));
            }
            if (_file.Contains(prefix + "input_grad"))
                Comparison.Compare(_report.Group(title.Replace("gradients", "input gradient")), prefix + "input_grad", input.grad!, _file.Read(prefix + "input_grad"),
                    largest => tolerances.ForGradient(largest, largest));
        }
    }

    /// <summary>One step of an optimizer of Volley, flat buffers and all, from the training gradients.</summary>
    private void Step(string optimizerName, string prefix)
    {
        var recorded = _file.Below(prefix).ToArray();
        if (recorded.Length == 0) return;
        using var scope = NewDisposeScope();
        using var model = GoldenModel.Build(_file, _type);
        var spec = OptimizerSettings.Read(_file, optimizerName);
        using (var parameters = FlatParameters.Attach(model, model.UnusedParameters))
        using (var optimizer = FlatOptimizer.Create(spec, parameters, model.NeverDecayed))
        {
            Loss(model.call(Input())).backward();
            optimizer.Step(spec.Lr);
            CompareState(model, spec, prefix, recorded, _report.Group($"{optimizerName} state"));
        }
    }

    private void CompareState(ImageClassifier model, OptimizerSpec spec, string prefix, string[] recorded, CheckGroup group)
    {
        var state = model.state_dict();
        var noise = _file.Metadata("numerically_zero_grads") is null ? [] : _file.MetadataJson<string[]>("numerically_zero_grads").ToHashSet(StringComparer.Ordinal);
        foreach (var name in recorded)
        {
            using var scope = NewDisposeScope();
            var expected = _file.Read(prefix + name);
            if (!state.TryGetValue(name, out var actual))
            {
                group.AddFailure($"{name}: the model has no such tensor");
                continue;
            }
            if (expected.dtype == ScalarType.Int64)
            {
                Comparison.CompareExactly(group, name, actual, expected);
                continue;
            }
            if (_type != ScalarType.Float64 && spec.Name == "adamw" && noise.Contains(name)) continue;   // rounding noise decides the step's sign
            var allowed = full_like(expected, _tolerances.ForValue(Comparison.Largest(expected)), dtype: ScalarType.Float64);
            if (_file.Contains("train/grad/" + name))
            {
                var gradientError = _tolerances.GradientsAgainstLargest ? _tolerances.Gradient * _largestGradient : noise.Contains(name) ? F64Noise : 0;
                allowed += StepError(spec, _file.Read("train/grad/" + name, ScalarType.Float64), gradientError);
            }
            Comparison.CompareElements(group, name, actual, expected, allowed);
        }
    }

    /// <summary>How far the first step can move when the gradient is off by <paramref name="error"/>: u(g + δ) − u(g − δ), u rising.</summary>
    private static Tensor StepError(OptimizerSpec spec, Tensor gradient, double error)
    {
        if (spec.Name == "sgd") return full_like(gradient, spec.Lr * error);
        Tensor Update(Tensor g) => spec.Lr * g / (g.abs() + spec.Eps);   // Adam's first step: both bias corrections cancel
        return Update(gradient + error) - Update(gradient - error);
    }

    /// <summary>Logits of each time step and the loss that trains them, for spiking models.</summary>
    private void Tet()
    {
        if (!_file.Below("tet/").Any()) return;
        using var scope = NewDisposeScope();
        using var model = GoldenModel.Build(_file, _type);
        var settings = _file.MetadataJson<TetSettings>("tet");
        var logits_TBK = model.ForwardPerTimeStep(Input());
        var targets = _file.Read("target").repeat(model.TimeSteps);
        var loss = TemporalEfficient.Sum(logits_TBK, logits => CrossEntropy.Sum(logits, targets), settings.Means, settings.Lamb).div(logits_TBK.shape[1]);
        loss.backward();
        CompareValue("tet/output", "tet/output", logits_TBK);
        CompareValue("tet/loss", "tet/loss", loss);
        var recorded = _file.Below("tet/grad/").ToArray();
        var largest = recorded.Select(name => LargestOf("tet/grad/" + name)).DefaultIfEmpty(0).Max();
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        foreach (var name in recorded)
        {
            var expected = _file.Read("tet/grad/" + name);
            if (!parameters.TryGetValue(name, out var parameter) || parameter.grad is not { } gradient)
                _report.Group("tet gradients").AddFailure($"{name}: the reference has a gradient, the model does not");
            else
                Comparison.Compare(_report.Group("tet gradients"), name, gradient, expected, own => _tolerances.ForGradient(own, largest));
        }
    }

    private sealed record TetSettings
    {
        public double Means { get; init; } = 1;
        public double Lamb { get; init; } = 0.001;
    }

    private Tensor Input() => _file.Read("input", _type);

    private Tensor Loss(Tensor logits) => CrossEntropy.Sum(logits, _file.Read("target")).div(logits.shape[0]);

    private double LargestOf(string name)
    {
        using var scope = NewDisposeScope();
        return Comparison.Largest(_file.Tensors.ReadTensor(name));
    }
}

using System.Text;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;

namespace Volley.Shared.Tests.Config.Yaml;

/// <summary>Files that people write by mistake, and exactly what they are told.</summary>
public sealed class BadSweepFileTests
{
    public static TheoryData<string, string> WholeFiles() => new()
    {
        { "", "f:1: is empty; it needs at least train: with dataset and model." },
        { "# nothing\n", "f:1: is empty; it needs at least train: with dataset and model." },
        { "- a\n- b\n", "f:1: is a list, must be a mapping of settings that begins with, for example, train:." },
        { "hello", "f:1: is \"hello\", must be a mapping of settings that begins with, for example, train:." },
        { "a: 1\n\tb: 2\n", "f:1: is no valid YAML: line 2 is indented with a tab. Use spaces." },
        { "a: [1, 2\nb: 3\n", "f:1: is no valid YAML: a bracket [ or { opened here or above is not closed." },
        { "a: 'x\n", "f:1: is no valid YAML: while scanning a quoted scalar, found unexpected end of stream." },
        { "a: b: c\n", "f:1: is no valid YAML: while scanning a plain scalar value, found invalid mapping." },
        { "a: &x 1\nb: *x\n", "f:1: a: carries the anchor &x; anchors are not read here. Remove it.\nf:2: b: is the alias *x; aliases are not read here. Write the value out." },
        { "? [a, b]\n: c\n", "f:1: has a list or mapping as a key; keys are words." },
    };

    [Theory]
    [MemberData(nameof(WholeFiles))]
    public void Parse_RefusesAFileThatIsNoSweep(string text, string expected) => Assert.Equal(expected, ProblemsOf(text));

    [Fact]
    public void Parse_RefusesASecondDocument() =>
        Assert.Equal("f:6: begins a second document; a sweep file has one. Remove the line --- and what follows, or use two files.",
            ProblemsOf(SweepFileTests.Minimal() + "\n---\na: 1\n"));

    [Fact]
    public void Parse_RefusesAnAliasBomb_AtItsFirstAlias()
    {
        var bomb = new StringBuilder("a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (var level = 'b'; level <= 'i'; level++)
            bomb.Append(level).Append(": &").Append(level).Append(" [").AppendJoin(", ", Enumerable.Repeat("*" + (char)(level - 1), 9)).Append("]\n");

        Assert.Contains("f:2: b[0]: is the alias *a", ProblemsOf(bomb.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_RefusesDeepNesting() =>
        Assert.Contains("is nested more than 40 deep", ProblemsOf("a: " + new string('[', 100_000)), StringComparison.Ordinal);

    [Fact]
    public void Parse_RefusesTooManyValues() =>
        Assert.Contains("more than 100,000 values", ProblemsOf("a: [" + string.Join(',', Enumerable.Repeat("1", 100_100)) + "]"), StringComparison.Ordinal);

    public static TheoryData<string, string> UnderTrain() => new()
    {
        // unknown keys
        { "  epoch: 3", "f:5: train.epoch: is no setting; did you mean epochs? Here are: dataset, model, epochs," },
        { "  optimizer: { learning_rate: 0.1 }", "f:5: train.optimizer.learning_rate: is no setting. Here are: name, lr," },
        { "  lr: 0.1", "f:5: train.lr: is no setting here; there is train.optimizer.lr. Here are:" },
        { "  optimizer: { weight-decay: 0.1 }", "f:5: train.optimizer.weight-decay: is no setting; did you mean weight_decay?" },
        { "  source: x", "f:5: train.source: is no setting." },
        // types
        { "  epochs: many", "f:5: train.epochs: is \"many\", must be a whole number from 1 to 1000000." },
        { "  epochs: 3.5", "f:5: train.epochs: is \"3.5\", must be a whole number from 1 to 1000000." },
        { "  epochs: \"3\"", "f:5: train.epochs: is the text \"3\", must be a whole number from 1 to 1000000. Remove the quotes if a value is meant." },
        { "  epochs:", "f:5: train.epochs: is empty, must be a whole number from 1 to 1000000." },
        { "  epochs: [3]", "f:5: train.epochs: is a list, must be a whole number from 1 to 1000000." },
        { "  epochs: { a: 3 }", "f:5: train.epochs: is a mapping, must be a whole number from 1 to 1000000." },
        { "  epochs: 99999999999999999999", "f:5: train.epochs: is \"99999999999999999999\", must be a whole number from 1 to 1000000." },
        { "  drop_last: yes", "f:5: train.drop_last: is \"yes\", must be true or false." },
        { "  optimizer: adamw", "f:5: train.optimizer: is \"adamw\", must be a mapping of settings (name, lr," },
        { "  optimizer:", "f:5: train.optimizer: is empty, must be a mapping of settings (name, lr," },
        { "  loss:", "f:5: train.loss: is empty, must be one of \"\", cross_entropy, tet, bce" },
        // ranges
        { "  epochs: 0", "f:5: train.epochs: is \"0\", must be from 1 to 1000000." },
        { "  optimizer: { lr: -1 }", "f:5: train.optimizer.lr: is \"-1\", must be greater than 0." },
        { "  optimizer: { lr: .nan }", "f:5: train.optimizer.lr: is \".nan\", must be a number greater than 0." },
        { "  optimizer: { lr: .inf }", "f:5: train.optimizer.lr: is \".inf\", must be a number greater than 0." },
        { "  optimizer: { lr: NaN }", "f:5: train.optimizer.lr: is \"NaN\", must be a number greater than 0." },
        { "  optimizer: { lr: Infinity }", "f:5: train.optimizer.lr: is \"Infinity\", must be a number greater than 0." },
        { "  optimizer: { lr: 1e999 }", "f:5: train.optimizer.lr: is \"1e999\", must be a finite number greater than 0." },
        { "  label_smoothing: 1", "f:5: train.label_smoothing: is \"1\", must be at least 0 and less than 1." },
        { "  optimizer: { name: adam-w }", "f:5: train.optimizer.name: is \"adam-w\", must be one of sgd, adam, adamw. Did you mean adamw?" },
        // distributions
        { "  epochs: { values: [1, x] }", "f:5: train.epochs: is \"x\", must be a whole number from 1 to 1000000." },
        { "  epochs: { values: [] }", "f:5: train.epochs: values: is [], must be a list of at least one value." },
        { "  epochs: { values: 3 }", "f:5: train.epochs: values: is \"3\", must be a list of at least one value." },
        { "  epochs: { values: [1, 1] }", "f:5: train.epochs: values: holds 1 twice." },
        { "  epochs: { values: [1, [2]] }", "f:5: train.epochs: values: holds a list; for whole subtrees use choose:." },
        { "  epochs: { values: [1], uniform: [1, 2] }", "f:5: train.epochs: has values: beside uniform; values: stands alone." },
        { "  epochs: { uniform: [1, 2] }", "f:5: train.epochs: is uniform or log_uniform, but the setting is a whole number; use int_uniform" },
        { "  epochs: { int_uniform: [0, 4] }", "f:5: train.epochs: reaches from 0 to 4, must be from 1 to 1000000." },
        { "  epochs: { int_uniform: [1, 6, 2] }", "f:5: train.epochs: int_uniform: is [1, 6, 2]; high is never reached. Write 5, or another step." },
        { "  epochs: { int_uniform: [4, 1] }", "f:5: train.epochs: int_uniform: is [4, 1]; low must be less than high." },
        { "  epochs: { int_uniform: [1, 4, 0] }", "f:5: train.epochs: int_uniform: has step 0, must be at least 1." },
        { "  epochs: { int_uniform: [1.5, 4] }", "f:5: train.epochs: int_uniform: is [1.5, 4], must be [low, high] or [low, high, step], whole numbers." },
        { "  optimizer: { lr: { log_uniform: [0, 1] } }", "f:5: train.optimizer.lr: log_uniform: is [0, 1]; low must be greater than 0." },
        { "  optimizer: { lr: { uniform: [0, 1] } }", "f:5: train.optimizer.lr: reaches from 0 to 1, must be greater than 0." },
        { "  optimizer: { lr: { uniform: [1] } }", "f:5: train.optimizer.lr: uniform: is [1], must be [low, high], two numbers." },
        { "  optimizer: { lr: { uniform: [1, .inf] } }", "f:5: train.optimizer.lr: uniform: is [1, .inf], must be [low, high], two numbers." },
        { "  optimizer: { choose: [{ lr: 1 }, { lrr: 1 }] }", "f:5: train.optimizer.lrr: is no setting; did you mean lr?" },
        { "  optimizer: { choose: [{ choose: [{ lr: 1 }] }, { lr: 1 }] }", "f:5: train.optimizer: choose: holds another choose: directly; write all options in one list." },
        { "  optimizer: { choose: [{ lr: 1 }], name: sgd }", "f:5: train.optimizer: has choose: beside name; choose: stands alone, each option says all of its own." },
        { "  optimizer: { choose: { lr: 1 } }", "f:5: train.optimizer: choose: is a mapping, must be a list of at least one option." },
        // rules between settings
        { "  schedule: { warmup_epochs: 30 }", "f:5: train.schedule.warmup_epochs: is 30, must be less than epochs, which is 30." },
        { "  schedule: { warmup_epochs: { values: [2, 40] } }", "f:5: train.schedule.warmup_epochs: is 40, must be less than epochs, which is 30." },
        { "  loss: tet", "f:5: train.loss: is tet, which needs a spiking model (sdt, spikformer); the model is resnet18." },
        { "  accumulate_steps: 3", "f:5: train.accumulate_steps: is 3, must divide global_batch_size, which is 128." },
        { "  augment: { randaugment: strong }", "f:5: train.augment.randaugment: is \"strong\", must be none or a recipe such as rand-m9-n1-mstd0.4-inc1-p0.5." },
        { "  optimizer: { nesterov: true }", "f:5: train.optimizer.nesterov: is true, which needs sgd with momentum; the optimizer is adamw with momentum 0.9." },
        // twice
        { "  epochs: 3\n  epochs: 4", "f:6: train.epochs: appears twice (first at f:5); keep one of the two." },
        { "  epochs: !!int 3", "f:5: train.epochs: carries the tag tag:yaml.org,2002:int; tags are not read here. Remove it." },
    };

    [Theory]
    [MemberData(nameof(UnderTrain))]
    public void Parse_SaysWhatIsWrongUnderTrain(string lines, string expected) =>
        Assert.StartsWith(expected, OneProblem(SweepFileTests.Minimal(train: lines)), StringComparison.Ordinal);

    public static TheoryData<string, string> Models() => new()
    {
        { "{ name: sdt-2-265 }", "f:4: train.model.name: is \"sdt-2-265\", must be one of sdt, spikformer," },
        { "{ depth: 2 }", "f:4: train.model.name: is missing; it must be one of sdt, spikformer," },
        { "sdt", "f:4: train.model: is \"sdt\", must be a mapping of settings (name and the model's own)." },
        { "{ name: sdt, width: 3 }", "f:4: train.model.width: is a setting of resnet18, not of this model. Here are: name," },
        { "{ name: vit, time_steps: 3 }", "f:4: train.model.time_steps: is a setting of sdt and spikformer, not of this model. Here are: name," },
        { "{ name: vit, heads: 3 }", "f:4: train.model.heads: is 3, must divide embed_dim, which is 256." },
        { "{ name: vit, heads: { values: [4, 8, 7] } }", "f:4: train.model.heads: is 7, must divide embed_dim, which is 256." },
        { "{ name: vit, patch: 5 }", "f:4: train.model.patch: is 5, must divide the image's edge, which is 32 pixels." },
        { "{ name: sdt, embed_dim: 132, heads: 4 }", "f:4: train.model.embed_dim: is 132, must be a multiple of 8" },
        { "{ name: sdt, pooling_stat: '0031' }", "f:4: train.model.pooling_stat: is \"0031\", must be four digits 0 or 1" },
        { "{ name: resnet18, blocks: [2, 2] }", "f:4: train.model.blocks: has 2 numbers, must have 4: one per stage." },
        { "{ name: resnet18, blocks: [2, 2, x, 2] }", "f:4: train.model.blocks[2]: is \"x\", must be a whole number from 1 to 64." },
        { "{ choose: [{ name: resnet18 }, { name: vit }, { name: sdt, neuron: liff }] }", "f:4: train.model.neuron: is \"liff\", must be one of lif, if, plif. Did you mean lif?" },
        { "{ name: { values: [sdt, vit] }, time_steps: 2 }", "f:4: train.model.time_steps: is a setting of sdt and spikformer, not of this model." },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Parse_SaysWhatIsWrongWithAModel(string model, string expected) =>
        Assert.StartsWith(expected, OneProblem(SweepFileTests.Minimal(model)), StringComparison.Ordinal);

    public static TheoryData<string, string> Tops() => new()
    {
        { "nmae: x", "f:6: nmae: is no setting; did you mean name?" },
        { "name: My Sweep", "f:6: name: is \"My Sweep\", must be 1 to 63 lower-case letters" },
        { "seed: -1", "f:6: seed: is \"-1\", must be a whole number from 0 to 18446744073709551615." },
        { "objective: { metric: accuracy }", "f:6: objective.metric: is \"accuracy\", must be one of val_accuracy," },
        { "objective: { goal: max }", "f:6: objective.goal: is \"max\", must be one of maximize, minimize." },
        { "objective: { metric: energy_pj }", "f:6: objective.metric: is energy_pj, which only a finished trial has; the first objective must be one of" },
        { "objective: []", "f:6: objective: is an empty list, must name at least one metric." },
        { "trial_scheduler: { type: asha }", "f:6: trial_scheduler.type: is \"asha\", which this version does not have yet; there is none." },
        { "trial_scheduler: { reduction_factor: 1 }", "f:6: trial_scheduler.reduction_factor: is \"1\", must be from 2 to 1000." },
        { "resources: { ranks: 2, min_ranks: 3 }", "f:6: resources.min_ranks: is 3, must be at most ranks, which is 2." },
        { "resources: { ranks: 200 }", "train.global_batch_size: is 128, must be at least resources.ranks times train.accumulate_steps (200 × 1)" },
        { "resources: { ranks: { values: [1, 2] } }", "f:6: resources.ranks: is a mapping, must be a whole number from 1 to 256. Only settings under train: may be distributions." },
        { "checkpoint: { keep_last: 0 }", "f:6: checkpoint.keep_last: is \"0\", must be from 1 to 1000000." },
    };

    [Theory]
    [MemberData(nameof(Tops))]
    public void Parse_SaysWhatIsWrongAtTheTop(string lines, string expected) =>
        Assert.Contains(expected, OneProblem(SweepFileTests.Minimal() + "\n" + lines), StringComparison.Ordinal);

    [Theory]
    [InlineData("{ algorithm: tpe, max_trials: 3 }", "f:1: search.algorithm: is \"tpe\", which this version does not have yet; there is grid, random.")]
    [InlineData("{ algorithm: gird }", "f:1: search.algorithm: is \"gird\", must be one of grid, random. Did you mean grid?")]
    public void Parse_SaysWhatIsWrongWithTheSearch(string search, string expected) =>
        Assert.StartsWith(expected, OneProblem($"search: {search}\ntrain: {{ dataset: {{ name: cifar10 }}, model: {{ name: vit }} }}\n"), StringComparison.Ordinal);

    [Fact]
    public void Parse_WantsANumberOfTrials_WhereRandomSearchHasSomethingToChoose()
    {
        Assert.StartsWith("f:1: search.max_trials: is missing, must be at least 1 for random search",
            OneProblem("search: { algorithm: random }\ntrain: { dataset: { name: cifar10 }, model: { name: vit, depth: { values: [1, 2] } } }\n"), StringComparison.Ordinal);
        SweepFile.Parse("train: { dataset: { name: cifar10 }, model: { name: vit } }\n", "f");   // one configuration: nothing to search
    }

    [Fact]
    public void Parse_RefusesAContinuousRangeInAGrid() =>
        Assert.StartsWith("f:2: train.optimizer.lr: is log_uniform, which has no grid; write values",
            OneProblem("search: { algorithm: grid }\ntrain: { dataset: { name: cifar10 }, model: { name: vit }, optimizer: { lr: { log_uniform: [0.001, 0.1] } } }\n"), StringComparison.Ordinal);

    [Fact]
    public void Parse_SaysWhatIsMissing()
    {
        Assert.StartsWith("f:1: train: is missing; it must be a mapping of settings (dataset, model,", OneProblem("search: { max_trials: 3 }"), StringComparison.Ordinal);
        Assert.StartsWith("f:2: train.model: is missing; it must be a mapping of settings", OneProblem("search: { max_trials: 3 }\ntrain: { dataset: { name: cifar10 } }"), StringComparison.Ordinal);
        Assert.StartsWith("f:2: train.dataset.name: is missing; it must be one of cifar10,", OneProblem("search: { max_trials: 3 }\ntrain: { dataset: { path: x }, model: { name: vit } }"), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ReportsEverythingInOnePass_InTheFilesOrder()
    {
        const string Text = """
            seed: x
            search: { algorithm: grid, max_trial: 3 }
            train:
              dataset: { name: cifar11, val_fraction: 0.9 }
              epochs: { values: [1, two] }
              schedule: { warmup_epochs: 50 }
              optimizer: { lr: fast }
              model:
                choose:
                  - { name: vit, heads: 3 }
                  - { name: sdt, neuron: lof }
            """;

        Assert.Equal(
            ["seed", "search.max_trial", "train.dataset.name", "train.dataset.val_fraction", "train.epochs", "train.optimizer.lr", "train.model.heads", "train.model.neuron"],
            Assert.Throws<ConfigException>(() => SweepFile.Parse(Text, "f")).Problems.Select(problem => problem.Key).Distinct().Where(key => key != "train.schedule.warmup_epochs"));
    }

    [Theory]
    [InlineData("epochs", "--set epochs: must be key=value")]
    [InlineData("=3", "--set =3: must be key=value")]
    [InlineData("epochs=x", "--set epochs=x: train.epochs: is \"x\", must be a whole number")]
    [InlineData("epoch=3", "--set epoch=3: train.epoch: is no setting; did you mean epochs?")]
    [InlineData("epochs.deep=3", "--set epochs.deep=3: train.epochs: is a mapping, must be a whole number")]
    [InlineData("epochs=[1", "--set epochs=[1: is no valid YAML")]
    public void Parse_SaysWhatIsWrongWithAnOverride(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Throws<ConfigException>(() => SweepFile.Parse(SweepFileTests.Minimal(), "f", [text])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("model.depth=3", "--set model.depth=3: train.model: is a choice: name the option, for example train.model.choose.0.depth.")]
    [InlineData("model.choose.9.depth=3", "--set model.choose.9.depth=3: train.model.choose: is a list of 4; \"9\" must be a number from 0 to 3.")]
    public void Parse_SaysHowToReachIntoAChoice(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<ConfigException>(() => SweepFile.Parse(SweepFileTests.DesignExample, "f", [text])).Message);

    private static string ProblemsOf(string text) => Assert.Throws<ConfigException>(() => SweepFile.Parse(text, "f")).Message;

    private static string OneProblem(string text)
    {
        var problem = Assert.Single(Assert.Throws<ConfigException>(() => SweepFile.Parse(text, "f")).Problems);
        return problem.ToString();
    }
}

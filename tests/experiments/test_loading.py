"""Users' files: what they may say, and how a mistake is answered."""

import re

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.experiments.condition import conditions_of
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.spec.run_set import Hyperparameters

GOOD = """title: Mine
task: quadratic
options: {noise_variance: 4}
optimizers: [adam, {name: lodo, options: {layers: 8}}]
tuning: {schedule: quick, seed: 3}
runs:
  - {seeds: 2, steps: 100}
  - {seeds: 1, seconds: 0.5, timed: true}
output: [comparison]
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def fails(path, *parts, scale=None):
    """Loading fails with a message of one line that holds these parts, in this order."""
    with pytest.raises(UsageError) as caught:
        load_experiment(path, scale)
    message = str(caught.value)
    assert re.search(".*".join(map(re.escape, parts)), message), message
    assert "\n" not in message


def test_a_users_file(write):
    experiment = load_experiment(write(GOOD))
    assert (experiment.name, experiment.title, experiment.scale) == ("mine", "Mine", "paper")
    (part,) = experiment.parts
    assert part.task.options == {"noise_variance": 4.0}
    assert [optimizer.label for optimizer in part.optimizers] == ["adam", "lodo (layers=8)"]
    assert (part.schedules["genetic"].name, part.seed, part.source) == ("quick", 3, "tuned")
    assert [(r.num_seeds, r.steps, r.seconds, r.timed) for r in part.runs] == [(2, 100, None, False), (1, 1, 0.5, True)]


def test_a_base_is_taken_over_but_for_what_is_said_anew(write):
    write(GOOD + "scales: {smoke: {runs: [{seeds: 1, steps: 5}], note: Small.}}\n", "base.yaml")
    path = write("base: base.yaml\ntitle: Other\noptimizers: [yogi]\nscales: {smoke: {note: Tiny.}}\n")
    experiment = load_experiment(path, "smoke")
    assert (experiment.title, experiment.note) == ("Other", "Tiny.")
    assert [optimizer.name for optimizer in experiment.parts[0].optimizers] == ["yogi"]
    assert [runs.steps for runs in experiment.parts[0].runs] == [5]


def test_a_base_may_be_built_in(write):
    assert load_experiment(write("base: table8\ntitle: Like it\n"), "laptop").parts[0].task.name == "rosenbrock"


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("task: quadratic", "task: quadartic", ("line 2: task:", "unknown task 'quadartic'", "'quadratic'?")),
        ("title: Mine\n", "titel: Mine\n", ("line 1: unknown key 'titel'", "Did you mean 'title'?")),
        ("[comparison]", "[comparisn]", ("line 9: output[0]:", "'comparisn'", "Did you mean 'comparison'?")),
        ("noise_variance: 4", "noise_variance: -4", ("line 3: options:", "invalid noise_variance = -4")),
        ("noise_variance: 4", "noise: 4", ("line 3: options:", "unknown option 'noise' of task quadratic")),
        (
            "layers: 8}",
            "layers: 8}, space: sgd",
            ("line 4: optimizers[1].space:", "lodo states its hyperparameters", "Omit it."),
        ),
        ("layers: 8", "layer: 8", ("line 4: optimizers[1].options:", "'layer' of optimizer lodo", "'layers'?")),
        ("adam", "adm", ("line 4: optimizers[0]:", "unknown optimizer 'adm'", "Did you mean 'adam'?")),
        ("schedule: quick", "schedule: quik", ("line 5: tuning.schedule:", "neither a file nor a built-in schedule")),
        (
            "seed: 3",
            "seed: -3",
            ("line 5: tuning.seed must be an integer from 0 to 9,223,372,036,854,775,807, not -3.",),
        ),
        ("seeds: 2", "seeds: 0", ("line 7: runs[0].seeds must be an integer from 1 to 1,000,000, not 0.",)),
        (", timed: true", "", ("line 8: runs[1].seconds requires timed runs", "timed: true")),
        ("seeds: 2, steps: 100", "seeds: 2", ("line 7: runs[0] has no stopping condition",)),
        ("output:", "show:", ("line 9: the key 'show' is now called 'output'.",)),
        ("title: Mine\n", "", ("missing key 'title'",)),
        ("task: quadratic\n", "", ("missing key 'task'",)),
    ],
)
def test_a_mistake_is_answered_with_the_file_the_line_the_key_and_the_rule(write, before, after, parts):
    assert before in GOOD
    path = write(GOOD.replace(before, after, 1))
    fails(path, "mine.yaml", *parts)


def test_what_is_in_no_file_and_no_table(tmp_path):
    fails(str(tmp_path / "none.yaml"), "no file", "unknown experiment")
    fails("tabel1", "Did you mean 'table1'?")


def test_a_scale_that_there_is_not(write):
    fails(write(GOOD), "unknown scale 'laptop'", "Known: paper", scale="laptop")


def test_bases_in_a_circle(write):
    write("base: b.yaml\ntitle: A\n", "a.yaml")
    fails(write("base: a.yaml\ntitle: B\n", "b.yaml"), "circular 'base'")


def test_an_optimizer_that_does_not_go_with_the_task(write):
    text = GOOD.replace("adam", "levenberg-marquardt").replace(
        "task: quadratic\noptions: {noise_variance: 4}", "task: mnist"
    )
    fails(write(text), "line 3: optimizers[0]:", "needs the hessian")


def test_several_searches(write):
    assert load_experiment(write(GOOD)).parts[0].searches == 1
    assert load_experiment(write(GOOD + "searches: 5\n")).parts[0].searches == 5


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ("searches: 0\n", ("line 10: searches must be an integer from 1 to 1,000, not 0.",)),
        (
            "hyperparameters: default\nsearches: 2\n",
            ("line 11: searches requires tuned hyperparameters, not 'default'",),
        ),
        (
            "searches: 2\nsweep: {over: momentum, decay_grid: 4}\n",
            ("line 10: searches must be 1 with 'decay_grid'", "Omit one of them."),
        ),
    ],
)
def test_a_mistake_about_searches(write, more, parts):
    fails(write(GOOD.replace("adam, ", "") + more), "mine.yaml", *parts)


SWEEP = "sweep: {over: noise_variance, values: [1, 4]}\n"


def test_a_sweep_over_an_option_of_the_task(write):
    experiment = load_experiment(write(GOOD + SWEEP))
    conditions = conditions_of(experiment.parts[0])
    assert [(each.base.name, each.task.options, each.point) for each in conditions] == [
        ("adam", {}, 1),
        ("adam", {"noise_variance": 4.0}, 4),
        ("lodo", {}, 1),
        ("lodo", {"noise_variance": 4.0}, 4),
    ]
    assert {each.part.task.options["noise_variance"] for each in conditions} == {4.0}


def test_a_sweep_from_none_to_the_tuned_value(write):
    text = GOOD.replace("adam, ", "") + "sweep: {over: momentum, decay_grid: 8}\n"
    conditions = conditions_of(load_experiment(write(text)).parts[0])
    tuned = Hyperparameters(
        {"meta_learning_rate": 0.1, "momentum": 0.9, "initial_learning_rate": 1.0}, "tuned", "study 1"
    )
    found = [each.apply(tuned).values["momentum"] for each in conditions]
    assert found == pytest.approx([1 - (1 - 0.9) ** (i / 7) for i in range(8)])
    assert (found[0], found[-1]) == (0.0, 0.9)
    assert conditions[-1].apply(tuned) == tuned
    assert conditions[3].apply(tuned).source == "given"


def test_a_grid_is_all_combinations(write):
    text = GOOD.replace("adam, ", "") + "sweep: {grid: {momentum: [0.1, 0.5], noise_variance: [1, 4, 9]}}\n"
    text = text.replace("output: [comparison]", "output: [sensitivity]")
    conditions = conditions_of(load_experiment(write(text)).parts[0])
    assert [(each.given["momentum"], each.task.options.get("noise_variance", 1)) for each in conditions] == [
        (momentum, variance) for momentum in (0.1, 0.5) for variance in (1, 4, 9)
    ]


def test_a_grid_of_more_points_than_anybody_can_run_is_not_built(write):
    names = ("learning_rate", "beta1", "beta2", "noise_variance")
    axes = ", ".join(f"{name}: [{', '.join(['0.5'] * 999)}]" for name in names)
    fails(
        write(GOOD.replace(", lodo", "") + f"sweep: {{grid: {{{axes}}}}}\n"),
        "the number of points of sweep.grid must be an integer",
        "not 996,005,996,001.",
    )


def test_a_grid_is_not_drawn_as_a_line(write):
    text = GOOD.replace("comparison", "sweep") + "sweep: {grid: {noise_variance: [1, 4]}}\n"
    fails(write(text), "'sweep' shows one value at a time, not a grid. Use 'sensitivity'.")


@pytest.mark.parametrize(
    ("sweep", "parts"),
    [
        (
            "{over: noise, values: [1, 2]}",
            ("line 10: sweep:", "unknown option, hyperparameter or recipe entry 'noise'"),
        ),
        ("{over: layers, values: [1, 2]}", ("line 10: sweep:", "'layers' of adam on quadratic")),
        ("{over: noise_variance, values: [1]}", ("line 10: sweep.values must be a list of at least two.",)),
        (
            "{over: noise_variance}",
            ("line 10: sweep must have exactly one of the keys values, settings, decay_grid, grid.",),
        ),
        ("{values: [1, 2]}", ("line 10: sweep has no key 'over'.",)),
        ("{over: noise_variance, grid: {noise_variance: [1, 2]}}", ("sweep.over does not go with a grid",)),
        ("{grid: {noise_variance: [1]}}", ("line 10: the number of points of sweep.grid must be ", "not 1.")),
        ("{grid: {}}", ("line 10: the number of points of sweep.grid must be ", "not 0.")),
        ("{grid: {noise_variance: 3}}", ("sweep.grid.noise_variance must be a list",)),
        ("{grid: {noise: [1, 2]}}", ("line 10: sweep:", "entry 'noise'")),
        ("{over: momentum, to_tuned: 4}", ("line 10: the key 'to_tuned' is now called 'decay_grid'.",)),
        ("{over: learning_rate, decay_grid: 4}", ("line 10: sweep:", "'learning_rate' is not a decay of adam")),
        ("{over: noise_variance, settings: [{n: 2}, {n: 3}]}", ("sweep.settings[0] gives no value",)),
    ],
)
def test_a_mistake_in_a_sweep(write, sweep, parts):
    fails(write(f"{GOOD}sweep: {sweep}\n"), "mine.yaml", *parts)

"""Runs that differ in one thing become a line over it."""

import math

import pytest

from lodo_bench.analysis.statistics import Summary
from lodo_bench.charts.sweeps import sweep_over
from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.figures.sweep_axis import SweepAxis
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from tests.builders import at_steps, run, run_set

NAN = math.nan


def noisy(variance, *losses, **changes):
    options = {} if variance == 1 else {"noise_variance": variance}
    runs = [run(seed, loss) for seed, loss in enumerate(losses)]
    return run_set(*runs, task=TaskSpec("quadratic", options), **changes)


def variance(spec):
    return spec.task.options.get("noise_variance", 1.0)


def momentum(spec):
    return spec.hyperparameters.values.get("momentum")


def with_momentum(value, loss, rate=0.1, **changes):
    return run_set(run(0, loss), values={"momentum": value, "learning_rate": rate}, **changes)


def test_places_are_in_order_with_their_scores():
    found = sweep_over([noisy(4.0, 8.0, 10.0), noisy(1, 2.0), noisy(0.25, 0.5)], "noise_variance", variance)
    (line,) = found.lines
    assert (found.steps, line.label) == (200, "adam")
    assert [value for value, _ in line.points] == [0.25, 1.0, 4.0]
    assert line.points[2][1] == Summary(9.0, pytest.approx(math.sqrt(2)), 2, 0)


def test_losses_are_in_units_of_what_is_swept():
    found = sweep_over([noisy(4.0, 8.0), noisy(0.25, 0.5)], "noise_variance", variance, float)
    assert [summary.mean for _, summary in found.lines[0].points] == [2, 2]


def test_each_optimizer_is_a_line():
    sets = [noisy(v, 1.0, optimizer=name) for v in (1, 4.0) for name in ("adam", "lodo")]
    assert [line.label for line in sweep_over(sets, "noise_variance", variance).lines] == ["adam", "lodo"]


def test_an_entry_of_the_recipe():
    def decayed(value, **rest):
        recipe = {"weight_decay": value, **rest} if value else rest
        return run_set(run(0, 1 + value), optimizer=OptimizerSpec("adam", recipe=recipe))

    sets = [decayed(value, **rest) for value in (0.5, 0.0) for rest in ({}, {"schedule": "cosine"})]
    axis = SweepAxis("wd", sets)
    found = sweep_over(sets, axis.name, axis.value_of)
    assert [line.label for line in found.lines] == ["adam", "adam (schedule=cosine)"]
    assert [[(value, loss.mean) for value, loss in line.points] for line in found.lines] == [[(0, 1), (0.5, 1.5)]] * 2


def test_a_tuned_entry_is_swept_as_a_hyperparameter():
    optimizer = OptimizerSpec("adam", recipe={"weight_decay": "tune"})
    sets = [
        run_set(run(0, 1.0), optimizer=optimizer, values={"learning_rate": 0.1, "weight_decay": value})
        for value in (0.3, 0.2)
    ]
    axis = SweepAxis("weight_decay", sets)
    (line,) = sweep_over(sets, axis.name, axis.value_of).lines
    assert [value for value, _ in line.points] == [0.2, 0.3]


def test_runs_without_recipes_have_none_to_sweep_over():
    with pytest.raises(UnknownNameError, match="unknown option or hyperparameter 'warmup'"):
        SweepAxis("warmup", [run_set(run())])


def test_hyperparameters_from_another_source_are_another_line():
    sets = [noisy(v, 1.0, source=source) for v in (1, 4.0) for source in ("tuned", "paper")]
    assert [line.label for line in sweep_over(sets, "noise_variance", variance).lines] == ["adam, tuned", "adam, paper"]


def test_each_place_may_be_tuned_for_itself():
    sets = [
        noisy(1, 1.0, values={"a": 1.0}, study_id=1),
        noisy(4.0, 2.0, values={"a": 2.0}, study_id=2),
    ]
    (line,) = sweep_over(sets, "noise_variance", variance).lines
    assert len(line.points) == 2


def test_over_a_hyperparameter_the_others_are_the_same():
    sets = [with_momentum(0.0, 1.0), with_momentum(0.5, 2.0, source="given"), with_momentum(0.9, 9.0, rate=5.0)]
    (line,) = sweep_over(sets, "momentum", momentum).lines
    assert [value for value, _ in line.points] == [0.0, 0.5]


def test_the_latest_runs_of_a_place_count_seed_by_seed():
    (line,) = sweep_over([noisy(1, 9.0, 5.0), noisy(1, 1.0), noisy(4.0, 1.0)], "noise_variance", variance).lines
    assert line.points[0][1].mean == 3


def test_words_are_places_in_the_order_of_running():
    sets = [run_set(run(0), optimizer=OptimizerSpec("lodo", {"meta_optimizer": word})) for word in ("sgd", "adam")]
    found = sweep_over(sets, "meta_optimizer", lambda spec: spec.optimizer.options["meta_optimizer"])
    assert [value for value, _ in found.lines[0].points] == ["sgd", "adam"]
    assert found.lines[0].label == "lodo"


def test_the_longest_milestone_with_several_places_is_taken():
    def long(variance):
        return run_set(
            run(0, milestones={at_steps(1000): 1.0}),
            steps=1000,
            task=TaskSpec("quadratic", {"noise_variance": variance}),
        )

    assert sweep_over([noisy(1, 1.0), noisy(4.0, 1.0), long(4.0)], "noise_variance", variance).steps == 200
    assert sweep_over([noisy(1, 1.0), noisy(4.0, 1.0), long(4.0), long(2.0)], "noise_variance", variance).steps == 1000


def test_diverged_runs_are_counted_and_unfinished_ones_left_out():
    broken = run_set(run(0, NAN, status=Status.DIVERGED), run(1, 5.0, status=Status.FAILED), task=TaskSpec("quadratic"))
    (line,) = sweep_over([broken, noisy(4.0, 1.0)], "noise_variance", variance).lines
    assert (line.points[0][1].count, line.points[0][1].diverged) == (0, 1)


def test_one_place_is_no_sweep():
    assert sweep_over([noisy(1, 1.0), noisy(1, 2.0)], "noise_variance", variance) is None
    assert sweep_over([], "noise_variance", variance) is None
    assert sweep_over([run_set(run(0)), run_set(run(0))], "momentum", lambda spec: None) is None


def test_given_hyperparameters_are_the_same_along_a_line():
    sets = [noisy(v, 1.0, source="given", values={"learning_rate": rate}) for v in (1, 4.0) for rate in (0.1, 0.2)]
    assert len(sweep_over(sets, "noise_variance", variance).lines) == 2


def test_what_is_on_no_line_is_told_with_the_reason():
    sets = [
        with_momentum(0.0, 1.0, id=1),
        with_momentum(0.5, 2.0, id=2),
        with_momentum(0.9, 9.0, rate=5.0, id=3),
        run_set(run(0, milestones={at_steps(50): 1.0}), steps=50, values={"momentum": 0.3, "learning_rate": 0.1}, id=4),
        run_set(run(0), optimizer="newton", values={}, source="default", id=5),
    ]
    assert sweep_over(sets, "momentum", momentum).left_out == [
        "newton: 1 run set without momentum (5)",
        "adam: 1 run set of 50 steps (4)",
        "adam: 1 run set with one value of momentum, 0.9, and everything else alike (tuned (study 1)) (3)",
    ]


def test_losses_cannot_be_divided_by_zero():
    found = sweep_over([noisy(0.0, 1.0, id=7), noisy(1, 2.0), noisy(4.0, 8.0)], "noise_variance", variance, float)
    assert [value for value, _ in found.lines[0].points] == [1, 4]
    assert found.left_out == ["adam: 1 run set with noise_variance = 0, which losses cannot be divided by (7)"]


def test_many_run_sets_are_not_all_named():
    rest = [run_set(run(0), optimizer="newton", values={}, source="default", id=n) for n in range(20)]
    (sentence,) = sweep_over([with_momentum(0.0, 1.0), with_momentum(0.5, 2.0), *rest], "momentum", momentum).left_out
    assert sentence == "newton: 20 run sets without momentum (0, 1, 2, 3, 4, 5, 6, 7, …)"


def test_an_alias_of_several_hyperparameters_is_refused_with_the_choices():
    lodo = run_set(run(0), optimizer="lodo", values={"initial_learning_rate": 1.0})
    with pytest.raises(UsageError) as caught:
        SweepAxis("lr", [run_set(run(0)), lodo])
    assert str(caught.value).startswith(
        "'lr' is ambiguous: learning_rate (adam); initial_learning_rate (lodo). Give the full name"
    )
    assert SweepAxis("lr", [lodo]).name == "initial_learning_rate"
    assert SweepAxis("learning_rate", [run_set(run(0)), lodo]).name == "learning_rate"

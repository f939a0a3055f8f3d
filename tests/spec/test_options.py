"""The plain values: which numbers a parameter takes, how names are resolved, and how things are labeled."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.options import Option, resolve
from lodo_bench.spec.outcome import Curve, Outcome, Status
from lodo_bench.spec.training import TaskSpec
from tests.helpers import training_spec

RATE = Option("learning_rate", "lr", "rate", 0.001, "step size")
DECAY = Option("momentum", "beta", "decay", 0.5, "decay")
VARIANCE = Option("noise_variance", "var", "variance", 1.0, "variance")
COUNT = Option("dimension", "n", "positive-int", 100, "number")
TABLE = (RATE, DECAY, VARIANCE, COUNT)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(RATE, 1e-300), (RATE, 1e300), (DECAY, 0), (DECAY, 1 - 1e-16), (VARIANCE, 0), (VARIANCE, 4), (COUNT, 1)],
)
def test_valid_values_are_returned_as_floats_or_counts(parameter, value):
    checked = parameter.validate(value, "adam")
    assert checked == value
    assert type(checked) is (int if parameter is COUNT else float)


@pytest.mark.parametrize(
    ("parameter", "value", "rule"),
    [(RATE, value, "a finite number greater than 0") for value in (0, -1, math.inf, math.nan)]
    + [(DECAY, value, r"a number in \[0, 1\)") for value in (-1e-9, 1, 2, math.inf, -math.inf, math.nan)]
    + [(VARIANCE, value, "a finite number, 0 or greater") for value in (-1e-9, math.inf, math.nan)]
    + [(COUNT, value, "an integer from 1 to") for value in (0, -3, 1.5, math.inf, math.nan)],
)
def test_invalid_values_are_refused_with_the_rule_and_the_default(parameter, value, rule):
    message = f"^invalid {parameter.name} = .* for adam: must be {rule}.*default {parameter.default:g}"
    with pytest.raises(UsageError, match=message):
        parameter.validate(value, "adam")


def test_a_whole_float_is_a_count():
    value = COUNT.validate(5.0, "quadratic")
    assert (value, type(value)) == (5, int)


def test_short_names_are_translated_and_the_order_is_the_tables():
    resolved = resolve(TABLE, {"n": 3, "beta": 0.9, "learning_rate": 0.1}, "adam")
    assert list(resolved.items()) == [("learning_rate", 0.1), ("momentum", 0.9), ("dimension", 3)]


def test_defaults_are_not_filled_in():
    assert resolve(TABLE, {}, "adam") == {}


def test_an_unknown_name_is_refused_with_the_nearest_and_all_known():
    with pytest.raises(UnknownNameError) as caught:
        resolve(TABLE, {"learning_rte": 0.1}, "adam", "hyperparameter")
    assert str(caught.value) == (
        "unknown hyperparameter 'learning_rte' of adam. Did you mean 'learning_rate'? "
        "Known: dimension, learning_rate, momentum, noise_variance."
    )


def test_nothing_is_suggested_for_a_name_that_is_near_to_none():
    with pytest.raises(UnknownNameError, match=r"^unknown option 'qqq' of adam\. Known: dimension, "):
        resolve(TABLE, {"qqq": 0.1}, "adam")


def test_an_empty_table_says_that_there_are_none():
    with pytest.raises(UnknownNameError, match=r"^unknown option 'n' of rosenbrock\. There are none\.$"):
        resolve((), {"n": 1}, "rosenbrock", "option")


@pytest.mark.parametrize("given", [{"lr": 0.1, "learning_rate": 0.1}, {"learning_rate": 0.1, "lr": 0.2}])
def test_a_value_given_under_both_names_is_refused(given):
    with pytest.raises(UsageError, match="learning_rate of adam is given twice"):
        resolve(TABLE, given, "adam")


def test_an_invalid_value_is_refused_when_resolved():
    with pytest.raises(UsageError, match=r"invalid beta = 1\.0 for adam"):
        resolve(TABLE, {"beta": 1.0}, "adam")


def test_a_name_may_be_its_own_short_form():
    rho = Option("rho", "rho", "decay", 0.9, "decay")
    assert resolve([rho], {"rho": 0.3}, "rmsprop") == {"rho": 0.3}


def test_labels_name_the_options_that_differ():
    assert TaskSpec("quadratic").label == "quadratic"
    spec = TaskSpec("quadratic", {"noise_variance": 4.0, "dimension": 10})
    assert spec.label == "quadratic (noise_variance=4, dimension=10)"


@pytest.mark.parametrize(
    ("milestone", "key"),
    [
        (Milestone("steps", 200), "steps:200"),
        (Milestone("steps", 100_000.0), "steps:100000"),
        (Milestone("steps", 12_345_678), "steps:12345678"),
        (Milestone("seconds", 300), "seconds:300"),
        (Milestone("seconds", 0.1), "seconds:0.1"),
    ],
)
def test_milestone_keys_are_readable_and_exact(milestone, key):
    assert milestone.key == key
    assert Milestone.parse(key) == milestone


def test_a_curves_seconds_are_the_last_reading():
    assert Curve(np.ones(3), np.array([0, 2, 3]), np.array([0, 0.5, 0.75])).seconds == 0.75


def test_specs_and_outcomes_survive_pickling():
    spec = replace(training_spec(), task=TaskSpec("quadratic", {"dimension": 3}))
    assert pickle.loads(pickle.dumps(spec)) == spec
    outcome = Outcome(Status.DIVERGED, "loss inf", 1, 2, Curve(np.ones(1), np.array([0, 1]), np.array([0, 1.0])))
    copy = pickle.loads(pickle.dumps(outcome))
    assert (copy.status, copy.reason, copy.steps, copy.evaluations) == (Status.DIVERGED, "loss inf", 1, 2)
    np.testing.assert_array_equal(copy.curve.losses, outcome.curve.losses)


TEXT = Option("data", "file", "text", "", "a file")


@pytest.mark.parametrize(("given", "found"), [("", ""), ("a b.csv", "a b.csv"), ("./é.csv", "./é.csv"), (3, "3")])
def test_a_text_is_any_single_line(given, found):
    assert TEXT.validate(given, "task mine") == found


def test_a_text_of_several_lines_is_refused():
    with pytest.raises(UsageError, match="invalid data = a\nb for task mine: must be a text of one line"):
        TEXT.validate("a\nb", "task mine")

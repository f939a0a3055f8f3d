"""Which values final runs take."""

import pytest

from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.runs.hyperparameters import fixed_hyperparameters, tuned_hyperparameters
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import OptimizerSpec, TaskSpec, Tuned
from tests.builders import individual, study_spec
from tests.helpers import defaults


def finished(task, optimizer):
    """A study that found the defaults."""
    spec = study_spec(task=TaskSpec(task), optimizer=OptimizerSpec(optimizer))
    return StudyRecord(3, spec, Tuned(defaults(optimizer)), (), (individual(),))


@pytest.mark.parametrize("optimizer", ["adam", "momentum", "rmsprop", "yogi", "lars"])
def test_on_mnist_the_learning_rate_is_halved_after_tuning_and_nothing_else(optimizer):
    found = tuned_hyperparameters(finished("mnist", optimizer).summary)
    values = defaults(optimizer)
    assert found.values == {**values, "learning_rate": values["learning_rate"] / 2}
    assert (found.source, found.study_id, found.provenance_note) == ("tuned", 3, "learning rate × 0.5")


@pytest.mark.parametrize("optimizer", ["lodo", "lodo-diagonal", "lodo-no-momentum", "lodo-sgd"])
def test_of_lodo_it_is_the_initial_learning_rate_that_is_halved(optimizer):
    found = tuned_hyperparameters(finished("mnist", optimizer).summary)
    assert found.values == {**defaults(optimizer), "initial_learning_rate": 0.5}
    assert found.provenance_note == "initial learning rate × 0.5"


@pytest.mark.parametrize("task", ["quadratic", "rosenbrock", "cifar10"])
@pytest.mark.parametrize("optimizer", ["adam", "lodo"])
def test_on_other_tasks_tuned_values_are_taken_as_they_are(task, optimizer):
    found = tuned_hyperparameters(finished(task, optimizer).summary)
    assert (found.values, found.study_id, found.provenance_note) == (defaults(optimizer), 3, "")


def test_what_has_no_learning_rate_is_left_alone():
    found = tuned_hyperparameters(finished("mnist", "levenberg-marquardt").summary)
    assert (found.values, found.study_id, found.provenance_note) == ({"damping": 1.0}, 3, "")


def test_the_papers_values_on_mnist_are_those_of_its_final_runs_already():
    found = fixed_hyperparameters("paper", TaskSpec("mnist"), OptimizerSpec("lodo"))
    assert found.values["initial_learning_rate"] == 0.08459


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names)
def test_at_most_one_hyperparameter_is_the_learning_rate(optimizer):
    flagged = [p for p in OPTIMIZERS.load(optimizer).hyperparameters if p.is_learning_rate]
    expected = {"levenberg-marquardt", "newton", "l2lbgdbgd"}
    assert len(flagged) == (optimizer not in expected)

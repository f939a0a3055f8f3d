"""Exceptions during training become outcomes; invalid input and interrupts do not."""

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual
from lodo_bench.training.failure import Failure, capture_failure
from lodo_bench.training.loop import train
from tests.helpers import training_spec

PAIR = tuple(Individual((key,), {"learning_rate": 0.1}) for key in range(2))


class Exhausted(Optimizer):
    """Needs more memory than there is at its third step of the training, after the warm-up."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size"),)

    def init_state(self, generators):
        return

    def step(self, gradient, oracle):
        if oracle.progress > 0.5:
            raise MemoryError("no room for a preconditioner")


class Misused(Exhausted):
    def step(self, gradient, oracle):
        raise UsageError("this option is invalid")


def test_an_exception_is_the_outcome_of_every_individual(register):
    outcomes = train(training_spec(register(Exhausted), individuals=PAIR, steps=20))
    for outcome in outcomes:
        assert (outcome.status, outcome.reason) == (Status.FAILED, "MemoryError: no room for a preconditioner")
        assert (outcome.steps, outcome.evaluations, len(outcome.curve.losses), outcome.curve.seconds) == (0, 0, 0, 0.0)
    assert len(outcomes) == 2


def test_invalid_input_is_no_outcome(register):
    with pytest.raises(UsageError, match="this option is invalid"):
        train(training_spec(register(Misused), individuals=PAIR))


def test_results_and_failures_are_returned():
    assert capture_failure(lambda: 7, "cpu") == 7
    assert capture_failure(lambda: [][0], "cpu") == Failure("IndexError: list index out of range")


def test_interrupts_are_no_failures():
    def compute():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture_failure(compute, "cpu")


class Wordless(ValueError):
    def __str__(self):
        raise TypeError("an error in an error")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Wordless("x"), "Wordless"),
        (ValueError("\n"), "ValueError"),
        (ValueError(), "ValueError"),
    ],
)
def test_whatever_else_is_raised_is_a_failure_in_words(error, reason):
    def compute():
        raise error

    assert capture_failure(compute, "cpu") == Failure(reason)

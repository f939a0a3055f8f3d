"""Each check accepts classes that have its property, and says what is wrong with classes that have not."""

import re
from pathlib import Path

import pytest
import torch

from lodo_bench.conformance.cases import TaskCase, cases_for
from lodo_bench.conformance.checks import OPTIMIZER_CHECKS, TASK_CHECKS, checks_of
from lodo_bench.errors import ConformanceError, LodoBenchError
from tests.conformance import broken_optimizers, broken_tasks

BROKEN_OPTIMIZERS = [
    ("TwoHyperparametersOfOneName", "declared hyperparameters", "lr is used twice"),
    ("DefaultOutOfRange", "declared hyperparameters", "must be a number in [0, 1)"),
    ("Replacing", "x in place", "it replaced the tensor"),
    ("Standing", "x in place", "an individual is where it started after 5 steps"),
    ("Modifying", "gradient not modified", "on Quadratic (dimension=5) it did"),
    ("Keeping", "gradient not kept", "a later step depends on it"),
    ("Uncounted", "evaluation counts", "10 took place in 5 steps, and 5 were counted"),
    ("Widening", "single precision", "it became torch.float64"),
    ("Noisy", "determinism", "they differ after step 1"),
    ("Shared", "determinism", "keep nothing in the class"),
    ("Normalizing", "lockstep independence", "those of individual 0 differ after step 1"),
    ("Forgetful", "state round trip", "Name every attribute that changes"),
    ("Unsavable", "state round trip", "set cannot be part of a state"),
    ("Refusing", "NaN handling", "FloatingPointError: diverged"),
    ("Skipping", "NaN handling", "it changed them"),
    ("Normalizing", "NaN handling", "it changed them"),
    ("Dividing", "finite start", "they are not after step 1"),
    ("SecretlyRandom", "stated randomness", "must be the same for all seeds, to the last bit; on Quadratic"),
]
BROKEN_TASKS = [
    ("MeanLoss", "shapes", "The losses must have shape (3,) and torch.float32; they have ()"),
    ("AlwaysDouble", "shapes", "they have (3,) and torch.float64"),
    ("UnseededBatches", "determinism", "differ to the last bit on batch 1"),
    ("UnseededStart", "determinism", "start at different points"),
    ("OneGenerator", "lockstep independence", "individual 0 is not"),
    ("MovingX", "repeatability", "must not modify x"),
    ("DrawingAtCalls", "repeatability", "a second call differs"),
    ("OneBuffer", "new tensors", "the next call overwrote them"),
    ("OneStart", "new tensors", "changing one changed the next"),
    ("TwiceTheSlope", "gradient", "for individual 0 it gives a slope of"),
    ("GeneratorsNotSaved", "state round trip", "the generators included"),
    ("DrawingMetrics", "metrics without influence", "the batches after them differ"),
    ("UnannouncedMetrics", "metrics without influence", "the interval is None, and there are 1"),
    ("SecretlyRandom", "stated randomness", "must have the same initial point and batches for all seeds"),
    ("OneMetricForAll", "metrics without influence", "test_loss is"),
]


@pytest.mark.parametrize("kind", [broken_optimizers.Sound, broken_optimizers.Plain, broken_tasks.Sphere])
def test_a_class_that_keeps_the_rules_passes_all_checks(kind):
    for check in checks_of(kind).values():
        check()


def test_every_check_is_shown_to_fail():
    assert {rule for _, rule, _ in BROKEN_OPTIMIZERS} == set(OPTIMIZER_CHECKS)
    assert {rule for _, rule, _ in BROKEN_TASKS} == set(TASK_CHECKS)


@pytest.mark.parametrize(("name", "rule", "message"), BROKEN_OPTIMIZERS)
def test_an_optimizer_that_breaks_a_rule_is_found(name, rule, message):
    with pytest.raises(ConformanceError, match=re.escape(message)):
        checks_of(getattr(broken_optimizers, name))[rule]()


@pytest.mark.parametrize(("name", "rule", "message"), BROKEN_TASKS)
def test_a_task_that_breaks_a_rule_is_found(name, rule, message):
    with pytest.raises(ConformanceError, match=re.escape(message)):
        checks_of(getattr(broken_tasks, name))[rule]()


def test_classes_without_randomness_that_say_so_pass():
    class Quiet(broken_optimizers.Plain):
        is_random = False

    class Still(broken_tasks.Sphere):
        @classmethod
        def is_random(cls, options):
            return False

        def next_batch(self):
            self._center = torch.zeros(self.population, self.dimension, dtype=self.dtype)

    for kind in (Quiet, Still):
        checks_of(kind)["stated randomness"]()


def test_an_optimizer_that_needs_matrices_gets_them():
    class Matrices(broken_optimizers.Plain):
        needs = frozenset({"matrices"})

        def init_state(self, generators):
            (self._tensor,) = self.problem.tensors

        def update(self, gradient, oracle):
            return gradient.view(-1, *self._tensor.shape).sign().flatten(1)

    (case,) = cases_for(Matrices)
    assert [tensor.role for tensor in case.tensors] == ["matrix"]
    for check in checks_of(Matrices).values():
        check()


def test_a_task_with_single_individuals_is_checked_alone():
    class Single(broken_tasks.Sphere):
        max_population = 1

    assert TaskCase(Single).seeds == (1,)
    for check in checks_of(Single).values():
        check()


def test_the_documentation_lists_all_checks():
    text = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text("utf-8")
    assert re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE) == [*OPTIMIZER_CHECKS, *TASK_CHECKS]


def test_the_error_is_one_of_this_package():
    assert issubclass(ConformanceError, LodoBenchError)

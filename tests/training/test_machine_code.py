"""A trial finds the one function that the compiler refuses, and leaves what is no fault of the compiler's."""

from dataclasses import replace

import pytest
from numba import njit
from numba.core.errors import LoweringError

from lodo_bench.backends import numba
from lodo_bench.compute import selection
from lodo_bench.optimizers import OPTIMIZERS, optimizer_spec
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.machine_code import code_failure
from lodo_bench.training.trainer import Trainer
from tests.helpers import training_spec

COMPUTE = ComputeSpec(dtype="float64", backend="numba")
QUADRATIC = TaskSpec("quadratic", {"dimension": 100_000})  # which the trial must not build
ROSENBROCK = TaskSpec("rosenbrock")
TARGETS = {
    "adam": "lodo_bench.backends.numba.elementwise.adam_steps",
    "lodo": "lodo_bench.backends.numba.lodo.lodo_steps",
    "l-bfgs": "lodo_bench.backends.numba.two_loop.NumbaTwoLoopRecursion",
}


def refuse(*_, **__):
    raise LoweringError("Failed in nopython mode pipeline\nmore", None)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("task", [QUADRATIC, ROSENBROCK], ids=lambda task: task.name)
def test_code_that_compiles(name, task):
    assert code_failure(task, optimizer_spec(name, {}), COMPUTE) is None


@pytest.mark.parametrize("name", TARGETS)
def test_one_function_that_the_compiler_refuses(name, monkeypatch):
    monkeypatch.setattr(TARGETS[name], refuse)
    failures = {other: code_failure(QUADRATIC, optimizer_spec(other, {}), COMPUTE) for other in TARGETS}
    assert [other for other, reason in failures.items() if reason] == [name]
    assert failures[name] == (
        f"its code for {name} on quadratic fails with LoweringError: Failed in nopython mode pipeline"
    )


def test_other_tasks_have_the_code_of_the_optimizer(monkeypatch):
    monkeypatch.setattr("lodo_bench.backends.numba.lodo.numba_preconditioner", refuse)
    for task in (ROSENBROCK, TaskSpec("mnist"), TaskSpec("cifar10")):
        assert "lodo on rosenbrock" in code_failure(task, optimizer_spec("lodo", {}), COMPUTE)


def test_the_code_of_a_network_is_tried_alone(monkeypatch):
    assert code_failure(TaskSpec("mnist"), optimizer_spec("lodo", {}), COMPUTE) is None
    monkeypatch.setattr("lodo_bench.backends.numba.pixel_cnn.losses", refuse)
    for name in ("lodo", "lars"):
        assert "on mnist fails with LoweringError" in code_failure(TaskSpec("mnist"), optimizer_spec(name, {}), COMPUTE)


def test_what_the_compiler_raises_is_known_by_where_it_comes_from(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("LLVM ERROR: no such instruction")

    monkeypatch.setattr("numba.core.compiler.compile_extra", fail)
    monkeypatch.setattr(TARGETS["adam"], lambda _: njit(lambda value: value)(1.0))
    found = code_failure(QUADRATIC, optimizer_spec("adam", {}), COMPUTE)
    assert found == "its code for adam on quadratic fails with RuntimeError: LLVM ERROR: no such instruction"


def test_an_error_of_something_else_is_left_to_whoever_trains(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no fault of a compiler")

    monkeypatch.setattr(TARGETS["adam"], fail)
    assert code_failure(QUADRATIC, optimizer_spec("adam", {}), COMPUTE) is None


def test_there_is_no_trial_without_machine_code(monkeypatch):
    monkeypatch.setattr(Trainer, "from_spec", lambda spec: pytest.fail("something was built"))
    adam = optimizer_spec("adam", {})
    assert code_failure(QUADRATIC, adam, replace(COMPUTE, backend="torch")) is None
    assert code_failure(TaskSpec("cifar10"), optimizer_spec("lars", {}), COMPUTE) is None


def test_the_classes_with_machine_code_are_listed(monkeypatch):
    """Each optimizer is built on a task without machine code, to see which functions it asks for."""
    asked = []

    def load(path):
        asked.append(path)
        raise LoweringError("", None)

    monkeypatch.setattr(selection, "load_attribute", load)
    found = set(numba.COMPILED_BATCHES) | set(numba.COMPILED_STEPS) | {"lodo_bench.tasks.mnist.Mnist"}
    for name in OPTIMIZERS.names:
        kind, asked[:] = OPTIMIZERS.load(name), []
        if kind.search != "genetic":
            continue
        values = {h.name: h.initial for h in kind.hyperparameters}
        spec = training_spec(name, ROSENBROCK, individuals=(Individual((0, 0, 0), values),), compute=COMPUTE)
        try:
            Trainer.from_spec(spec)
        except LoweringError:
            found.add(selection.qualified_name(kind))
    assert found == numba.CLASSES
    assert {selection.qualified_name(TASKS.load("quadratic"))} <= numba.CLASSES

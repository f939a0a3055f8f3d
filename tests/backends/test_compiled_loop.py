"""Many steps in compiled code are the steps of the optimizer that PyTorch takes, whatever they are cut into."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench.backends import compiled_loop
from lodo_bench.backends import numba as numba_tables
from lodo_bench.compute.selection import load_attribute, qualified_name
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from lodo_bench.training.trainer import Trainer
from tests.helpers import training_spec, varied_individual

pytest.importorskip("numba")

STEPS = 300  # more than the center's walk is drawn for at once


def trainer_of(name, population=3, **changes):
    individuals = tuple(varied_individual(name, index) for index in range(population))
    return Trainer.from_spec(training_spec(name, individuals=individuals, steps=STEPS, **changes))


COMPILED = [name for name in OPTIMIZERS.names if trainer_of(name)._loop is not None]


class Eager(OPTIMIZERS.load("momentum")):
    def step(self, gradient, oracle):
        super().step(2 * gradient, oracle)


def test_what_is_inherited_is_not_taken_for_what_is_done_instead(register):
    eager, plain = trainer_of(register(Eager)), trainer_of("momentum")
    assert plain._loop is not None
    assert eager._loop is None
    assert not torch.equal(eager.run_steps(3)[0], plain.run_steps(3)[0])


def test_it_is_known_which_optimizers_are_compiled():
    assert set(COMPILED) == {"adam", "lodo", "lodo-no-momentum", "momentum", "rmsprop", "yogi"}
    assert trainer_of("adam", backend="torch")._loop is None
    assert trainer_of("lodo", backend="torch")._loop is None


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_it_is_known_without_building_anything(name):
    table = OPTIMIZERS.load(name).options_table
    may_have_no_layers = any((option.name, option.kind) == ("layers", "nonnegative-int") for option in table)
    for options in [{}, {"layers": 0}][: 1 + may_have_no_layers]:
        spec = replace(training_spec(name), optimizer=OptimizerSpec(name, options))
        built = Trainer.from_spec(spec)._loop is not None
        classes = TASKS.load("quadratic"), OPTIMIZERS.load(name)
        assert compiled_loop.has_compiled_loop(*classes, "numba", options) == built
        assert not compiled_loop.has_compiled_loop(*classes, "torch", options)


def test_the_tables_name_what_is_there():
    tables = numba_tables.IMPLEMENTATIONS, numba_tables.COMPILED_BATCHES, numba_tables.COMPILED_STEPS
    for path, found in (pair for table in tables for pair in table.items()):
        assert qualified_name(load_attribute(path)) == path
        assert callable(load_attribute(found))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-3)])
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_steps_are_those_of_pytorch(name, dtype, tolerance):
    compiled, plain = (trainer_of(name, dtype=dtype, backend=backend) for backend in ("numba", "torch"))
    losses, evaluations = compiled.run_steps(STEPS)
    expected, expected_evaluations = plain.run_steps(STEPS)
    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    np.testing.assert_allclose(compiled.x, plain.x, rtol=tolerance, atol=tolerance)
    assert evaluations.tolist() == expected_evaluations.tolist() == list(range(1, STEPS + 1))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["lodo", "lodo-no-momentum"])
def test_lodos_are_those_of_its_stepper_bit_for_bit(name, dtype):
    at_once, one_by_one = (trainer_of(name, dtype=dtype) for _ in range(2))
    one_by_one._loop = None
    assert torch.equal(at_once.run_steps(STEPS)[0], one_by_one.run_steps(STEPS)[0])
    assert torch.equal(at_once.x, one_by_one.x)


@pytest.mark.parametrize(
    ("n", "options"),
    [
        (1, {"block_size": 1, "layers": 1}),
        (5, {"block_size": 3, "layers": 2}),
        (33, {"block_size": 8, "layers": 3}),
        (20, {"layers": 0}),
    ],
    ids=str,
)
def test_lodo_of_any_structure_takes_the_steps_of_pytorch(n, options):
    task, optimizer = TaskSpec("quadratic", {"dimension": n}), OptimizerSpec("lodo", options)
    compiled, plain = (
        Trainer.from_spec(replace(training_spec("lodo", task, steps=STEPS, backend=backend), optimizer=optimizer))
        for backend in ("numba", "torch")
    )
    assert (compiled._loop is not None) == (options.get("layers") != 0)
    np.testing.assert_allclose(compiled.run_steps(STEPS)[0], plain.run_steps(STEPS)[0], rtol=1e-9)


def test_hyperparameters_may_change_between_them():
    compiled, plain = (trainer_of("lodo", backend=backend) for backend in ("numba", "torch"))
    for trainer in (compiled, plain):
        trainer.run_steps(100)
        for name, value in (("momentum", 0.3), ("meta_learning_rate", 0.002), ("initial_learning_rate", 0.4)):
            trainer._optimizer.set_hyperparameter(name, value)
    np.testing.assert_allclose(compiled.run_steps(100)[0], plain.run_steps(100)[0], rtol=1e-9)


def test_a_state_goes_from_backend_to_backend():
    first, second = trainer_of("lodo", backend="torch"), trainer_of("lodo", backend="numba")
    first.run_steps(77)
    second.load_state_dict(first.state_dict(), torch.device("cpu"))
    np.testing.assert_allclose(first.run_steps(150)[0], second.run_steps(150)[0], rtol=1e-9)


@pytest.mark.parametrize("name", COMPILED)
def test_they_do_not_depend_on_what_they_are_cut_into(name):
    whole, pieces = trainer_of(name), trainer_of(name)
    losses, _ = whole.run_steps(STEPS)
    cut = [pieces.run_steps(count) for count in (1, 2, 7, 128, STEPS - 138)]
    assert torch.equal(torch.cat([part for part, _ in cut]), losses)
    assert [number for _, numbers in cut for number in numbers] == list(range(1, STEPS + 1))
    assert torch.equal(whole.x, pieces.x)


@pytest.mark.parametrize("name", COMPILED)
def test_nor_on_the_threads_or_on_the_company(name, monkeypatch):
    alone = [Trainer.from_spec(spec_of_one(name, index)).run_steps(STEPS)[0] for index in range(5)]
    monkeypatch.setattr(compiled_loop, "_ENTRIES_PER_THREAD", 1)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            assert torch.equal(trainer_of(name, population=5).run_steps(STEPS)[0], torch.cat(alone, dim=1))
    finally:
        torch.set_num_threads(before)


def spec_of_one(name, index):
    return training_spec(name, individuals=(varied_individual(name, index),), steps=STEPS)


@pytest.mark.parametrize("name", COMPILED)
def test_they_go_on_from_a_state(name):
    first, second = trainer_of(name), trainer_of(name)
    first.run_steps(150)
    second.load_state_dict(first.state_dict(), torch.device("cpu"))
    assert torch.equal(first.run_steps(150)[0], second.run_steps(150)[0])


@pytest.mark.parametrize("name", ["adam", "momentum", "rmsprop", "yogi", "lodo"])
def test_one_that_diverges_does_not_disturb_the_others(name):
    learning_rate = next(p.name for p in OPTIMIZERS.load(name).hyperparameters if p.is_learning_rate)
    sound = varied_individual(name, 1)
    wild = Individual((2,), {**sound.hyperparameters, learning_rate: 1e300})
    together = train(training_spec(name, individuals=(wild, sound), steps=STEPS))
    alone = train(training_spec(name, individuals=(sound,), steps=STEPS))
    assert together[0].status == "diverged"
    np.testing.assert_array_equal(together[1].curve.losses, alone[0].curve.losses)


PARTS = """
import numba
compiled = numba.njit(cache=True)

@compiled
def task(data, p, k, x, gradient):
    return x[0]

@compiled
def {name}(data, p, k, gradient, x):
    x[0] += {step}
"""

RUN = """
import sys
import torch
from lodo_bench.backends.compiled_loop import CompiledStep, run_compiled
from lodo_bench.backends.numba.loop import specialized_loop
import parts
for name in sys.argv[1:]:
    update = getattr(parts, name)
    x, losses = torch.zeros(1, 1, dtype=torch.float64), torch.zeros(3, 1, dtype=torch.float64)
    run_compiled(CompiledStep(parts.task, ()), CompiledStep(update, ()), x, losses)
    print(name, x.item(), sum(specialized_loop(parts.task, update).stats.cache_hits.values()))
"""


def test_what_was_compiled_is_kept_for_each_pair_until_its_code_changes(tmp_path):
    def run(*names):
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONPATH": f"{tmp_path}:{os.curdir}",
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN, *names], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.split("\n")[:-1]

    code = tmp_path / "parts.py"
    code.write_text(PARTS.format(name="one", step=1) + PARTS.format(name="two", step=2))
    assert run("one", "two") == ["one 3.0 0", "two 6.0 0"]
    assert run("two", "one") == ["two 6.0 1", "one 3.0 1"]
    code.write_text(PARTS.format(name="one", step=1) + PARTS.format(name="two", step=5))
    assert run("one", "two") == ["one 3.0 0", "two 15.0 0"]

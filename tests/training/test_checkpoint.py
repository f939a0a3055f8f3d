"""A training that was stopped goes on as if it had not been, and what cannot be gone on with is told."""

import math
import os
import random
from dataclasses import replace
from typing import final

import numpy as np
import pytest
import torch

from lodo_bench.compute.threads import single_thread
from lodo_bench.conformance.cases import vary
from lodo_bench.errors import UsageError
from lodo_bench.optimizers import load_optimizer, optimizer_spec
from lodo_bench.optimizers.momentum import Momentum
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.quadratic import Quadratic
from lodo_bench.training import checkpoint as checkpoints
from lodo_bench.training.checkpoint import Checkpoint, checkpoint_path, load_parameters
from lodo_bench.training.loop import train
from tests.builders import at_steps
from tests.helpers import LOCKSTEP_PAIRS, SMALL, small_task, training_spec, varied_individual

NEVER, ALWAYS = 1e9, 0.0


class Measured(Quadratic):
    """Tells how far the point is from the origin, every five steps, and its first coordinate at milestones."""

    metric_interval = 5
    is_network = True
    max_population = 1
    interrupt_in: str | None = None

    def validation_metrics(self, x):
        self._interrupt("validation")
        return {"distance": x.norm(dim=1)}

    def test_metrics(self, x):
        self._interrupt("test")
        return {"first": x[:, 0]}

    @classmethod
    def _interrupt(cls, where):
        if cls.interrupt_in == where:
            cls.interrupt_in = None
            raise KeyboardInterrupt


@final
class Torn(Momentum):
    """Is interrupted amid its 40th step, after half of its state has changed."""

    interrupt = False

    def step(self, gradient, oracle):
        self.velocity.add_(gradient)
        if Torn.interrupt and oracle._num_steps == 40:
            raise KeyboardInterrupt
        super().step(gradient, oracle)


@pytest.fixture(autouse=True)
def alone():
    with single_thread():
        yield


@pytest.fixture
def measured():
    with TASKS.registered("measured", Measured):
        yield replace(training_spec(task="measured", steps=100), task=TaskSpec("measured", {"dimension": 6}))


@pytest.fixture
def notices():
    return []


@pytest.fixture
def checkpoint(tmp_path, notices):
    return lambda every=NEVER, owner="": Checkpoint(tmp_path / "kept" / "3-1.pt", owner, every, notices.append)


def stop_at(steps):
    def on_progress(progress):
        if progress.steps >= steps:
            raise KeyboardInterrupt

    return on_progress


def assert_equal(outcomes, others):
    for one, other in zip(outcomes, others, strict=True):
        assert (one.status, one.reason, one.steps, one.evaluations) == (
            other.status,
            other.reason,
            other.steps,
            other.evaluations,
        )
        np.testing.assert_array_equal(one.curve.losses, other.curve.losses)
        assert one.scores == other.scores
        assert one.curve.metrics.keys() == other.curve.metrics.keys()
        for name, series in one.curve.metrics.items():
            np.testing.assert_array_equal(series.steps, other.curve.metrics[name].steps)
            np.testing.assert_array_equal(series.values, other.curve.metrics[name].values)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "kept").glob("*"))


@pytest.mark.parametrize(("optimizer", "task"), LOCKSTEP_PAIRS)
def test_every_training_goes_on_as_if_it_had_not_been_stopped(optimizer, task, checkpoint):
    individuals = tuple(varied_individual(optimizer, p) for p in range(2))
    spec = training_spec(optimizer, task, individuals=individuals, steps=160)
    if task == "quadratic":
        spec = replace(spec, task=TaskSpec(task, {"dimension": 20}))
    whole = train(spec)
    for _ in range(2):  # stopped twice
        train(spec, stop_at(random.Random(optimizer + task).randrange(1, 70)), checkpoint())
    assert_equal(train(spec, checkpoint=checkpoint()), whole)


@pytest.mark.parametrize("optimizer", ["adam", "momentum", "lodo", "lodo-dense", "o-lbfgs", "bfgs"])
def test_a_training_goes_on_in_the_middle_of_its_schedule(optimizer, checkpoint):
    recipe = {"schedule": "cosine", "warmup": "tune", "weight_decay": "tune", "clip_norm": 2.0}
    method = optimizer_spec(optimizer, {}, recipe)
    parameters = load_optimizer(method).hyperparameters
    individuals = tuple(Individual((index,), {p.name: vary(p, index) for p in parameters}) for index in range(2))
    spec = training_spec(optimizer, TaskSpec("quadratic", {"dimension": 20}), individuals=individuals, steps=160)
    spec = replace(spec, optimizer=method)
    whole = train(spec)
    for _ in range(2):  # stopped twice
        train(spec, stop_at(random.Random(optimizer).randrange(1, 70)), checkpoint())
    assert_equal(train(spec, checkpoint=checkpoint()), whole)


@pytest.mark.parametrize("task", [name for name in SMALL if TASKS.load(name).is_network])
@pytest.mark.parametrize("optimizer", ["adam", "lars"])
def test_a_network_goes_on_as_if_it_had_not_been_stopped(optimizer, task, checkpoint, tmp_path):
    spec = training_spec(optimizer, small_task(task), steps=21 if task == "cifar10" else 8, dtype="float32")
    train(spec, stop_at(3), checkpoint())
    assert_equal(train(spec, checkpoint=checkpoint()), train(spec))
    assert load_parameters(tmp_path / "kept", 3, 1).task == small_task(task)


def test_the_clock_goes_on_and_does_not_count_the_pause(checkpoint):
    spec = training_spec(steps=3000)
    (stopped,) = train(spec, stop_at(50), checkpoint())
    (ended,) = train(spec, checkpoint=checkpoint())
    readings = len(stopped.curve.clock_steps)
    assert stopped.steps >= 50
    np.testing.assert_array_equal(ended.curve.clock_steps[:readings], stopped.curve.clock_steps)
    np.testing.assert_array_equal(ended.curve.clock_seconds[:readings], stopped.curve.clock_seconds)
    assert (np.diff(ended.curve.clock_seconds) > 0).all()


def test_continuing_is_told(checkpoint, notices):
    (stopped,) = train(training_spec(steps=3000), stop_at(1100), checkpoint())
    train(training_spec(steps=3000), checkpoint=checkpoint())
    assert notices == [f"resumed after {stopped.steps:,} steps"]


def test_a_training_that_is_killed_goes_on_from_the_last_writing(checkpoint, monkeypatch):
    monkeypatch.setattr(checkpoints, "_MAX_OVERHEAD", math.inf)

    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.steps > 100:
            raise Killed

    spec = training_spec("adam", steps=300)
    with pytest.raises(Killed):
        train(spec, kill, checkpoint(ALWAYS))
    assert checkpoint().read(spec)["recorder"]["losses"]["steps"] > 1
    assert_equal(train(spec, checkpoint=checkpoint()), train(spec))


def test_nothing_is_written_before_the_first_interval(checkpoint, tmp_path):
    train(training_spec(steps=300), checkpoint=checkpoint(NEVER))
    assert files(tmp_path) == []


def test_a_checkpoint_waits_twenty_times_as_long_as_it_takes_to_write(checkpoint, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    kept = checkpoint(10)
    for moment, due in ((9, False), (10, True), (11, True)):
        now[0] = moment
        assert kept.is_due == due

    def slowly(path, content):
        now[0] += 3

    monkeypatch.setattr(checkpoints, "_save", slowly)
    kept.write(training_spec(), {})
    for moment, due in ((14 + 59, False), (14 + 60, True)):
        now[0] = moment
        assert kept.is_due == due


def test_a_step_that_was_cut_in_two_is_not_kept(monkeypatch, checkpoint, register):
    spec = training_spec(steps=100)
    spec = replace(spec, optimizer=OptimizerSpec(register(Torn)))
    monkeypatch.setattr(Torn, "interrupt", True)
    (stopped,) = train(spec, checkpoint=checkpoint(ALWAYS))
    assert stopped.status is Status.INTERRUPTED and 0 < stopped.steps <= 40
    monkeypatch.setattr(Torn, "interrupt", False)
    assert_equal(train(spec, checkpoint=checkpoint()), train(spec))


@pytest.mark.parametrize("where", ["validation", "test"])
def test_a_measurement_that_was_interrupted_is_made_up_for(measured, checkpoint, monkeypatch, where):
    whole = train(measured)
    monkeypatch.setattr(Measured, "interrupt_in", where)
    (stopped,) = train(measured, checkpoint=checkpoint())
    assert stopped.status is Status.INTERRUPTED
    assert stopped.steps == (5 if where == "validation" else 100)
    assert_equal(train(measured, checkpoint=checkpoint()), whole)


def test_one_that_has_diverged_is_carried_along(checkpoint):
    wild = Individual((1,), {"learning_rate": 1e30, "momentum": 0.5})
    spec = training_spec(individuals=(training_spec().individuals[0], wild), steps=300)
    first, second = train(spec, stop_at(120), checkpoint())
    assert (first.status, second.status) == (Status.INTERRUPTED, Status.DIVERGED)
    assert_equal(train(spec, checkpoint=checkpoint()), train(spec))


def break_content(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def unpickle(path):
    torch.save({"format": 3, "identity": "", "state": os.getcwd}, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is damaged"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (break_content, "is damaged"),
        (unpickle, "is damaged"),
        (lambda path: torch.save([1], path), "is damaged"),
        (lambda path: torch.save({"format": 1}, path), "was written by another version of lodo-bench"),
        (lambda path: torch.save({"format": 3}, path), "belongs to a different run"),
    ],
)
def test_a_damaged_or_foreign_file_is_told_and_the_run_starts_anew(checkpoint, tmp_path, notices, damage, message):
    spec = training_spec(steps=60)
    train(spec, stop_at(20), checkpoint())
    damage(tmp_path / "kept" / "3-1.pt")
    assert_equal(train(spec, checkpoint=checkpoint()), train(spec))
    (notice,) = notices
    assert message in notice and notice.endswith("; this run starts over.")
    assert str(tmp_path / "kept" / "3-1.pt") in notice


@pytest.mark.parametrize(
    ("changes", "owner"),
    [({"steps": 61}, ""), ({"dtype": "float32"}, ""), ({"weights": b"1"}, ""), ({}, "another run set")],
)
def test_the_checkpoint_of_another_run_is_not_used(checkpoint, notices, changes, owner):
    train(training_spec(steps=60), stop_at(20), checkpoint())
    assert checkpoint(owner=owner).read(training_spec(**{"steps": 60, **changes})) is None
    assert "belongs to a different run" in notices[0]


def test_a_state_that_does_not_fit_is_told_and_the_run_starts_anew(checkpoint, notices):
    spec = training_spec(steps=60)
    train(spec, stop_at(20), checkpoint())
    state = checkpoint().read(spec)
    del state["trainer"]["_optimizer"]["velocity"]
    checkpoint().write(spec, state)
    assert_equal(train(spec, checkpoint=checkpoint()), train(spec))
    assert "does not fit this version of lodo-bench (Momentum has ['velocity'], not [])" in notices[0]


def test_a_place_that_cannot_be_written_does_not_end_the_run(tmp_path, notices):
    (tmp_path / "file").write_text("a file, not a folder")
    kept = Checkpoint(tmp_path / "file" / "1-0.pt", "", ALWAYS, notices.append)
    assert_equal(train(training_spec(steps=60), checkpoint=kept), train(training_spec(steps=60)))
    assert "cannot write" in notices[0]


def test_an_error_while_writing_leaves_the_former_file(checkpoint, tmp_path, monkeypatch, notices):
    spec = training_spec(steps=60)
    train(spec, stop_at(20), checkpoint())
    before = (tmp_path / "kept" / "3-1.pt").read_bytes()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    checkpoint().write(spec, {"a": 1})
    assert "No space left on device" in notices[0]
    assert files(tmp_path) == ["3-1.pt"]
    assert (tmp_path / "kept" / "3-1.pt").read_bytes() == before


def test_the_parameters_of_a_network_are_kept(measured, checkpoint, tmp_path):
    train(measured, stop_at(10), checkpoint())
    assert files(tmp_path) == ["3-1.pt"]
    (outcome,) = train(measured, checkpoint=checkpoint())
    checkpoint().remove()
    assert files(tmp_path) == ["3-1.parameters.pt"]
    found = load_parameters(tmp_path / "kept", 3, 1)
    assert found.task == TaskSpec("measured", {"dimension": 6})
    assert (found.values.shape, found.values.dtype) == ((6,), torch.float64)
    assert outcome.scores[at_steps(100)]["first"] == found.values[0].item()


def test_the_parameters_of_populations_and_of_runs_that_diverged_are_not_kept(checkpoint, measured, tmp_path):
    train(training_spec(steps=20), checkpoint=checkpoint())
    wild = Individual((1,), {"learning_rate": 1e30, "momentum": 0.5})
    train(replace(measured, individuals=(wild,)), checkpoint=checkpoint())
    assert files(tmp_path) == []


def test_missing_and_damaged_parameters_are_named(tmp_path):
    with pytest.raises(UsageError, match="no parameters are stored for run set 3, seed 1"):
        load_parameters(tmp_path, 3, 1)
    (tmp_path / "3-1.parameters.pt").write_bytes(b"something")
    with pytest.raises(UsageError, match=r"cannot be read: .*Run the seed again"):
        load_parameters(tmp_path, 3, 1)


def test_a_folder_is_removed_with_the_last_checkpoint(checkpoint, tmp_path):
    train(training_spec(steps=60), stop_at(20), checkpoint())
    assert checkpoint_path(tmp_path / "kept", 3, 1).exists()
    checkpoint().remove()
    checkpoint().remove()
    assert not (tmp_path / "kept").exists()


def test_what_a_killed_writing_has_left_goes_with_the_checkpoint(checkpoint, tmp_path):
    train(training_spec(steps=60), stop_at(20), checkpoint())
    (tmp_path / "kept" / ".3-1.pt.7.tmp").write_bytes(b"half of")
    checkpoint().remove()
    assert not (tmp_path / "kept").exists()

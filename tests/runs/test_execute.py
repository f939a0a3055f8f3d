"""Final runs: their batches, what is stored and when, and what an interrupt or an error leaves."""

import math
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench.errors import UnknownNameError
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.runs import execute as runs
from lodo_bench.runs.execute import CheckpointPlan, execute_run_set, threads_of
from lodo_bench.spec.milestone import Milestone, milestones
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.outcome import Outcome, Status
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import train
from tests.builders import at_seconds, at_steps, provenance, run, run_set
from tests.helpers import defaults

TASK = TaskSpec("quadratic", {"dimension": 12})


class Exhausted(Optimizer):
    """Fails at its first step."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size"),)

    def init_state(self, generators):
        return

    def step(self, gradient, oracle):
        raise MemoryError("no room for a preconditioner")


class Asking(Exhausted):
    """Gradient descent that asks for the gradient once more."""

    def step(self, gradient, oracle):
        self.x.sub_(self.hyperparameter("learning_rate") * oracle.gradient(self.x))


class Explosive(Optimizer):
    """Gradient descent whose second individual leaves at its tenth step."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size"),)
    state_names = ("_taken",)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._taken = 0

    def init_state(self, generators):
        return

    def step(self, gradient, oracle):
        self.x.sub_(self.hyperparameter("learning_rate") * gradient)
        self._taken += 1
        if self._taken == 10:
            self.x[1:2] = math.inf


class Witness:
    """A writer and a callback in one: records their calls in order, and the curves by seed."""

    def __init__(self, interrupt_at=math.inf):
        self.events = []
        self.runs = []
        self.curves = {}
        self.numbers = set()
        self._reports_left = interrupt_at

    def start(self, run, count, left):
        self.events.append(run)

    def progress(self, progress):
        if progress.steps:
            self._reports_left -= 1
        if self._reports_left < 0:
            raise KeyboardInterrupt

    def notice(self, message):
        self.events.append(message)

    def add_run(self, run_set, run, curve):
        self.events.append(f"stored {run.seed}")
        self.numbers.add(run_set)
        self.runs.append(run)
        self.curves[run.seed] = curve

    def ended(self, run):
        self.events.append(f"ended {run.seed}")

    def losses(self):
        return {seed: curve.losses.tolist() for seed, curve in self.curves.items()}


@pytest.fixture
def trained(monkeypatch):
    """The specifications that were trained."""
    specs = []

    def spy(spec, *arguments):
        specs.append(spec)
        return train(spec, *arguments)

    monkeypatch.setattr(runs, "train_validated", spy)
    return specs


@pytest.fixture
def register(register):
    return lambda kind: {"optimizer": register(kind), "values": {"learning_rate": 0.1}}


@pytest.fixture
def exhausted(register):
    return register(Exhausted)


def to_do(*done, optimizer="momentum", values=None, steps=30, **changes):
    """A run set of which the runs `done` are there."""
    values = defaults(optimizer) if values is None else values
    settings = {"task": TASK, "steps": steps, "source": "default", **changes}
    return run_set(*done, optimizer=optimizer, values=values, **settings)


def executed(record, plan=None):
    witness = Witness()
    execute_run_set(record, witness, witness, plan)
    return witness


def interrupted(record, interrupt_at, plan=None):
    witness = Witness(interrupt_at)
    with pytest.raises(KeyboardInterrupt):
        execute_run_set(record, witness, witness, plan)
    return witness


def test_timed_runs_go_one_at_a_time_and_each_is_stored_before_the_next():
    witness = executed(to_do())
    assert witness.events == [
        *("seed 0 (1 of 3)", "stored 0", "ended 0"),
        *("seed 1 (2 of 3)", "stored 1", "ended 1"),
        *("seed 2 (3 of 3)", "stored 2", "ended 2"),
    ]


def test_untimed_runs_go_in_lockstep():
    witness = executed(to_do(timed=False))
    assert witness.events == [
        "seeds 0 to 2 in lockstep",
        *("stored 0", "ended 0", "stored 1", "ended 1", "stored 2", "ended 2"),
    ]


def test_runs_are_written_to_their_set():
    assert executed(replace(to_do(), id=7)).numbers == {7}


@pytest.mark.parametrize(("timed", "populations"), [(True, [(0,), (1,), (2,)]), (False, [(0, 1, 2)])])
def test_what_is_trained_is_what_was_specified(trained, timed, populations):
    values = {"learning_rate": 0.3, "momentum": 0.25}
    executed(to_do(values=values, timed=timed, steps=7, dtype="float32"))
    assert [tuple(i.key[0] for i in spec.individuals) for spec in trained] == populations
    for spec in trained:
        assert all(i == Individual(i.key, values) for i in spec.individuals)
        assert (spec.task, spec.optimizer.name, spec.purpose) == (TASK, "momentum", "final")
        assert (spec.steps, spec.seconds, spec.compute.device, spec.compute.dtype) == (7, None, "cpu", "float32")


@pytest.mark.parametrize("optimizer", ["adam", "lodo"])
def test_untimed_losses_are_those_of_timed_runs_bit_for_bit(optimizer):
    timed, untimed = (executed(to_do(optimizer=optimizer, timed=timed)) for timed in (True, False))
    assert timed.losses() == untimed.losses()
    assert [run.milestones for run in timed.runs] == [run.milestones for run in untimed.runs]
    assert len({losses[0] for losses in timed.losses().values()}) == 3


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_untimed_losses_are_those_of_timed_runs_in_the_papers_dimension_on_several_threads(two_threads):
    timed, untimed = (executed(to_do(task=TaskSpec("quadratic"), timed=timed)) for timed in (True, False))
    assert timed.losses() == untimed.losses()


@pytest.mark.parametrize("timed", [True, False])
def test_small_problems_are_trained_on_one_thread(two_threads, monkeypatch, timed):
    seen = []

    def spy(spec, *_):
        seen.append(torch.get_num_threads())
        return [Outcome.failed("that is all there is to see")] * len(spec.individuals)

    monkeypatch.setattr("lodo_bench.runs.execute.train_validated", spy)
    executed(to_do(timed=timed))
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("task", "threads"), [("quadratic", 1), ("rosenbrock", 1), ("mnist", 2), ("cifar10", 2)])
def test_networks_are_trained_on_all_threads_and_small_problems_on_one(two_threads, task, threads):
    assert threads_of(task) == threads


def test_a_lockstep_is_no_larger_than_the_task_allows(monkeypatch, trained):
    monkeypatch.setattr(TASKS.load("quadratic"), "max_population", 2)
    witness = executed(to_do(timed=False))
    assert [len(spec.individuals) for spec in trained] == [2, 1]
    assert [run.seed for run in witness.runs] == [0, 1, 2]
    assert witness.events[0] == "seeds 0 to 1 in lockstep"
    assert "seed 2 (3 of 3)" in witness.events


def test_a_timed_run_has_its_training_time(clock):
    witness = executed(to_do(steps=5))
    assert [(run.training_seconds, run.steps, run.steps_per_second) for run in witness.runs] == [(5.0, 5, 1.0)] * 3


def test_an_untimed_run_has_no_training_time(clock):
    witness = executed(to_do(steps=5, timed=False))
    assert [(run.training_seconds, run.steps_per_second) for run in witness.runs] == [(None, None)] * 3


def test_a_run_is_scored_over_the_last_tenth_of_its_steps():
    witness = executed(to_do(steps=40))
    for found in witness.runs:
        losses = witness.curves[found.seed].losses
        assert (found.status, found.reason, found.steps, found.evaluations) == (Status.COMPLETED, "", 40, 40)
        assert found.milestones == {at_steps(40): pytest.approx(np.mean(losses[36:39]), rel=1e-15)}


def test_evaluations_are_counted_beside_steps(register):
    (found,) = executed(to_do(num_seeds=1, **register(Asking))).runs
    assert (found.steps, found.evaluations) == (30, 60)


def test_milestones_are_steps_before_seconds():
    assert milestones(200, None) == (Milestone("steps", 200),)
    assert milestones(200, 5.0) == (Milestone("steps", 200), Milestone("seconds", 5.0))


def test_a_run_goes_on_until_the_seconds_are_reached_too(clock):
    witness = executed(to_do(steps=5, seconds=20.0, num_seeds=1))
    (found,) = witness.runs
    losses = witness.curves[0].losses
    assert (found.steps, found.training_seconds) == (20, 20.0)
    assert list(found.milestones) == [at_steps(5), at_seconds(20)]
    assert found.milestones[at_steps(5)] != found.milestones[at_seconds(20)]
    assert found.milestones[at_seconds(20)] == pytest.approx(np.mean(losses[18:20]), rel=1e-15)


def test_a_run_goes_on_until_the_steps_are_reached_too(clock):
    witness = executed(to_do(steps=20, seconds=5.0, num_seeds=1))
    (found,) = witness.runs
    assert (found.steps, found.training_seconds) == (20, 20.0)
    assert found.milestones[at_seconds(5)] == witness.curves[0].losses[4]


def test_finished_runs_are_not_done_again():
    record = to_do(*(run(seed) for seed in range(3)))
    assert executed(record).events == []
    assert executed(replace(record, spec=replace(record.spec, timed=False))).events == []


@pytest.mark.parametrize("timed", [True, False])
def test_only_missing_seeds_are_done_and_come_out_as_ever(timed):
    done = (
        run(0),
        run(1, status=Status.INTERRUPTED),
        run(2, status=Status.DIVERGED),
        run(3, status=Status.FAILED),
    )
    witness = executed(to_do(*done, num_seeds=6, timed=timed))
    assert [found.seed for found in witness.runs] == [1, 4, 5]
    whole = executed(to_do(num_seeds=6, timed=timed)).losses()
    assert witness.losses() == {seed: whole[seed] for seed in (1, 4, 5)}


def test_a_diverged_run_has_no_number_for_a_milestone_that_it_did_not_reach():
    witness = executed(to_do(values={"learning_rate": 1e30, "momentum": 0.5}, steps=100))
    for found in witness.runs:
        assert (found.status, list(found.milestones)) == (Status.DIVERGED, [at_steps(100)])
        assert math.isnan(found.milestones[at_steps(100)])
        assert "at step" in found.reason
        assert found.steps == len(witness.curves[found.seed].losses) < 100


def test_a_run_that_diverged_after_its_steps_keeps_their_score(clock):
    values = {"learning_rate": 1e10, "momentum": 0.5}
    witness = executed(to_do(values=values, steps=5, seconds=1000.0, num_seeds=1))
    (found,) = witness.runs
    assert (found.status, 5 < found.steps < 1000) == (Status.DIVERGED, True)
    assert found.milestones[at_steps(5)] == witness.curves[0].losses[4]
    assert math.isnan(found.milestones[at_seconds(1000)])


def test_an_interrupt_ends_the_run_under_way_and_starts_no_other():
    witness = interrupted(to_do(steps=100_000), interrupt_at=3)
    assert witness.events == ["seed 0 (1 of 3)", "stored 0", "ended 0"]
    (found,) = witness.runs
    assert (found.status, found.milestones) == (Status.INTERRUPTED, {})
    assert 0 < found.steps == len(witness.curves[0].losses) < 100_000


def test_an_interrupt_keeps_the_runs_before_it(clock):
    witness = interrupted(to_do(steps=5), interrupt_at=7)
    assert [(found.seed, found.status, found.steps) for found in witness.runs] == [
        (0, Status.COMPLETED, 5),
        (1, Status.INTERRUPTED, 3),
    ]


class Late(Witness):
    """A ledger that an interrupt reaches right after it has stored a run."""

    def add_run(self, run_set, run, curve):
        super().add_run(run_set, run, curve)
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("timed", [True, False])
def test_an_interrupt_right_after_a_run_is_stored_comes_after_its_report(timed):
    witness = Late()
    with pytest.raises(KeyboardInterrupt):
        execute_run_set(to_do(steps=5, timed=timed), witness, witness)
    assert witness.events[1:] == ["stored 0", "ended 0"]


def test_an_interrupt_in_lockstep_ends_all_that_are_alive():
    witness = interrupted(to_do(steps=100_000, timed=False), interrupt_at=3)
    assert [(found.seed, found.status) for found in witness.runs] == [(s, Status.INTERRUPTED) for s in range(3)]
    assert [found.training_seconds for found in witness.runs] == [None] * 3


def test_an_interrupted_run_has_the_scores_that_it_reached(clock):
    witness = interrupted(to_do(steps=5, seconds=1000.0, num_seeds=1), interrupt_at=10)
    assert list(witness.runs[0].milestones) == [at_steps(5)]


@pytest.mark.parametrize("timed", [True, False])
def test_after_an_interrupt_the_set_is_continued_to_the_same_losses(tmp_path, clock, timed):
    database = Database(str(tmp_path / "results.db"), create=True)
    store = Store(database, provenance())
    spec = to_do(timed=timed, steps=5).spec
    opened = store.open_run_set(spec)
    with pytest.raises(KeyboardInterrupt):
        execute_run_set(opened, store, Witness(interrupt_at=3))
    assert store.run_set(opened.id).runs[0].status is Status.INTERRUPTED
    again = store.open_run_set(spec)
    assert (again.id, again.missing_seeds) == (opened.id, (0, 1, 2))
    execute_run_set(again, store, Witness())
    whole = executed(to_do(timed=timed, steps=5))
    assert store.run_set(opened.id).runs == tuple(whole.runs)
    for seed, losses in whole.losses().items():
        np.testing.assert_array_equal(store.curve(opened.id, seed).losses, np.float32(losses))
    database.close()


@pytest.fixture
def plan(tmp_path):
    return CheckpointPlan(tmp_path / "kept", 1e9)


@pytest.mark.parametrize("optimizer", ["lodo", "o-lbfgs"])
@pytest.mark.parametrize("timed", [True, False])
def test_an_interrupted_run_goes_on_from_its_checkpoint(plan, timed, optimizer):
    record = to_do(optimizer=optimizer, timed=timed, steps=200)
    stopped = interrupted(record, 4, plan)
    (file,) = plan.folder.iterdir()
    assert file.name == "1-0.pt"
    continued = executed(to_do(*stopped.runs, optimizer=optimizer, timed=timed, steps=200), plan)
    taken = stopped.runs[0].steps
    assert continued.events[1] == f"resumed after {taken} steps"
    whole = executed(record)
    assert continued.losses() == whole.losses()
    assert [found.milestones for found in continued.runs] == [found.milestones for found in whole.runs]
    first, again = stopped.curves[0], continued.curves[0]
    assert first.clock_seconds.tolist() == again.clock_seconds[: len(first.clock_seconds)].tolist()
    assert not plan.folder.exists()


def test_a_lockstep_goes_on_with_those_that_have_diverged_and_stores_only_who_is_missing(plan, clock, register):
    mine = register(Explosive)
    record = to_do(**mine, timed=False, steps=60)
    stopped = interrupted(record, 30, plan)
    assert [run.status for run in stopped.runs] == [Status.INTERRUPTED, Status.DIVERGED, Status.INTERRUPTED]
    rest = to_do(*stopped.runs, **mine, timed=False, steps=60)
    continued, whole = executed(rest, plan), executed(record)
    assert [run.seed for run in continued.runs] == [0, 2]
    assert continued.losses() == {seed: losses for seed, losses in whole.losses().items() if seed != 1}
    np.testing.assert_array_equal(whole.curves[1].losses, stopped.curves[1].losses)


def test_a_new_set_does_not_take_the_checkpoint_of_an_old_one_with_its_number(plan):
    record = replace(to_do(steps=200), created="2024-05-06T07:08:09+00:00")
    interrupted(record, 4, plan)
    later = executed(replace(record, created="2024-05-06T07:08:10+00:00"), plan)
    assert "belongs to a different run; this run starts over" in later.events[1]
    assert later.losses() == executed(record).losses()


def test_a_run_on_other_data_does_not_go_on_from_the_checkpoint(plan, monkeypatch):
    interrupted(to_do(steps=200), 4, plan)
    monkeypatch.setattr(TASKS.load("quadratic"), "dataset_name", classmethod(lambda kind: "other data"))
    assert "belongs to a different run; this run starts over" in executed(to_do(steps=200), plan).events[1]


def test_the_checkpoint_of_a_run_that_failed_is_removed(plan, exhausted):
    executed(to_do(**exhausted), replace(plan, every=0.0))
    assert not plan.folder.exists()


def test_runs_without_a_plan_keep_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    interrupted(to_do(steps=100_000), interrupt_at=3)
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_the_outcome_of_its_run(exhausted):
    witness = executed(to_do(**exhausted))
    for seed, found in enumerate(witness.runs):
        assert (found.seed, found.status) == (seed, Status.FAILED)
        assert found.reason == "MemoryError: no room for a preconditioner"
        assert (found.steps, found.evaluations, found.milestones) == (0, 0, {})
        assert (len(witness.curves[seed].losses), witness.curves[seed].seconds) == (0, 0.0)
        assert found.steps_per_second is None
    assert len(witness.runs) == 3


def test_an_error_in_lockstep_is_the_outcome_of_all(exhausted):
    witness = executed(to_do(timed=False, **exhausted))
    assert [(found.seed, found.status) for found in witness.runs] == [(s, Status.FAILED) for s in range(3)]
    assert [found.training_seconds for found in witness.runs] == [None] * 3


def test_after_an_error_the_next_seed_has_its_turn(monkeypatch):
    def fail_once(spec, *arguments):
        if spec.individuals[0].key == (1,):
            return [Outcome.failed("RuntimeError: out of memory")]
        return train(spec, *arguments)

    monkeypatch.setattr(runs, "train_validated", fail_once)
    witness = executed(to_do())
    assert [found.status for found in witness.runs] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    assert witness.events[3:6] == ["seed 1 (2 of 3)", "stored 1", "ended 1"]


def test_a_failed_run_can_be_stored(exhausted):
    database = Database("sqlite://", create=True)
    store = Store(database, provenance())
    opened = store.open_run_set(to_do(**exhausted).spec)
    execute_run_set(opened, store, Witness())
    assert [found.status for found in store.run_set(opened.id).runs] == [Status.FAILED] * 3
    assert len(store.curve(opened.id, 0).losses) == 0
    database.close()


def test_what_the_user_can_mend_is_no_outcome(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    witness = Witness()
    with pytest.raises(UnknownNameError):
        execute_run_set(to_do(task=TaskSpec("quadrat")), witness, witness)
    assert witness.runs == []

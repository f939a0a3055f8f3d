"""The training loop: what it counts, when it stops, and that nobody in a population notices the others."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from lodo_bench import seeding
from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec.options import HyperparameterSpec
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import Individual, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.training.loop import trace, train
from lodo_bench.training.session import Progress
from tests.helpers import LOCKSTEP_PAIRS, training_spec, varied_individual


class Asking(Optimizer):
    """Gradient descent that asks for the gradient once more, at the same point and at another."""

    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size"),)

    def init_state(self, generators):
        return

    def step(self, gradient, oracle):
        assert torch.equal(oracle.gradient(self.x), gradient)
        assert not torch.equal(oracle.gradient(self.x + 1), gradient)
        self.x.sub_(self.hyperparameter("learning_rate") * gradient)


class Impatient(Asking):
    def step(self, gradient, oracle):
        raise KeyboardInterrupt


def momentum(key, learning_rate=0.1):
    return Individual((key,), {"learning_rate": learning_rate, "momentum": 0.5})


def losses_of(outcomes):
    return [outcome.curve.losses for outcome in outcomes]


@pytest.mark.parametrize("steps", [1, 2, 37])
def test_steps_are_counted(steps):
    (outcome,) = train(training_spec(steps=steps))
    assert (outcome.status, outcome.reason) == (Status.COMPLETED, "")
    assert outcome.steps == outcome.evaluations == len(outcome.curve.losses) == steps
    assert np.isfinite(outcome.curve.losses).all()


def test_there_is_one_outcome_for_each_individual_in_order():
    individuals = tuple(momentum(key) for key in (5, 3, 4))
    together = train(training_spec(individuals=individuals))
    for outcome, individual in zip(together, individuals, strict=True):
        np.testing.assert_array_equal(
            outcome.curve.losses, train(training_spec(individuals=(individual,)))[0].curve.losses
        )
    assert len({losses[0] for losses in losses_of(together)}) == 3


def test_a_second_gradient_is_of_the_same_batch_and_counts_as_an_evaluation(register):
    individual = Individual((0,), {"learning_rate": 0.1})
    (outcome,) = train(training_spec(register(Asking), individuals=(individual,), steps=30))
    assert outcome.steps == len(outcome.curve.losses) == 30
    assert outcome.evaluations == 90


def test_a_loss_is_taken_on_a_fresh_batch_before_the_update():
    spec = training_spec(individuals=(momentum(7),), steps=25)
    task = TASKS.load("quadratic")(seeding.task_generators(spec), torch.float64, {})
    x, velocity, expected = task.initial_point(), 0.0, []
    for _ in range(25):
        task.next_batch()
        loss, gradient = task.loss_and_gradient(x)
        expected.append(loss.item())
        velocity = 0.5 * velocity - 0.1 * gradient
        x = x + velocity
    np.testing.assert_allclose(train(spec)[0].curve.losses, expected, rtol=1e-12)


def test_the_first_loss_is_that_of_the_starting_point():
    (outcome,) = train(training_spec(task="rosenbrock"))
    assert outcome.curve.losses[0] == pytest.approx(0.01 * 1.5**2 + 1.75**2, rel=1e-15)


def test_options_reach_the_task():
    quiet = replace(training_spec(), task=TaskSpec("quadratic", {"noise_variance": 0.0}))
    assert not train(quiet)[0].curve.losses.any()


def test_the_purpose_chooses_other_problems():
    tuning, final = (train(training_spec(purpose=purpose))[0] for purpose in ("tuning", "final"))
    assert tuning.curve.losses[0] != final.curve.losses[0]


def test_training_again_gives_the_same_losses():
    spec = training_spec("lodo", individuals=(varied_individual("lodo", 1),))
    np.testing.assert_array_equal(*losses_of(train(spec) + train(spec)))


def test_the_precision_is_the_one_asked_for():
    single = train(training_spec(task="rosenbrock", dtype="float32"))[0].curve.losses
    double = train(training_spec(task="rosenbrock", dtype="float64"))[0].curve.losses
    assert single.dtype == np.float64
    np.testing.assert_array_equal(single, single.astype(np.float32))
    np.testing.assert_allclose(single, double, rtol=1e-3)
    assert (single != double).any()


def interrupt_from(steps):
    def on_progress(progress):
        if progress.steps >= steps:
            raise KeyboardInterrupt

    return on_progress


def test_an_interrupt_keeps_what_was_recorded():
    spec = training_spec(individuals=(momentum(0), momentum(1)), steps=100_000)
    interrupted = train(spec, interrupt_from(10))
    whole = train(replace(spec, steps=interrupted[0].steps))
    for partial, full in zip(interrupted, whole, strict=True):
        assert partial.status is Status.INTERRUPTED
        assert partial.reason
        assert 10 <= partial.steps == len(partial.curve.losses) == partial.evaluations < 100_000
        assert partial.curve.clock_steps[-1] == partial.steps
        np.testing.assert_array_equal(partial.curve.losses, full.curve.losses)


def test_an_interrupt_amid_the_first_steps_leaves_an_empty_curve(register):
    individual = Individual((0,), {"learning_rate": 0.1})
    (outcome,) = train(training_spec(register(Impatient), individuals=(individual,)))
    assert outcome.status is Status.INTERRUPTED
    assert (outcome.steps, outcome.evaluations, len(outcome.curve.losses)) == (0, 0, 0)
    assert outcome.curve.seconds == 0


def test_an_interrupt_does_not_hide_a_divergence():
    spec = training_spec(individuals=(momentum(0, 1e30), momentum(1)), steps=100_000)
    statuses = [outcome.status for outcome in train(spec, interrupt_from(100))]
    assert statuses == [Status.DIVERGED, Status.INTERRUPTED]


def test_one_diverges_alone():
    individuals = (momentum(0), momentum(1, 1e30), momentum(2))
    first, diverged, last = train(training_spec(individuals=individuals, steps=60))
    assert diverged.status is Status.DIVERGED
    assert f"at step {diverged.steps}" in diverged.reason
    assert diverged.steps == len(diverged.curve.losses) < 60
    assert np.isfinite(diverged.curve.losses[:-1]).all()
    assert not np.isfinite(diverged.curve.losses[-1])
    for outcome, key in ((first, 0), (last, 2)):
        assert (outcome.status, outcome.steps) == (Status.COMPLETED, 60)
        alone = train(training_spec(individuals=(momentum(key),), steps=60))[0]
        np.testing.assert_array_equal(outcome.curve.losses, alone.curve.losses)


def test_training_stops_when_all_have_diverged():
    reports = []
    spec = training_spec(individuals=(momentum(0, 1e30), momentum(1, 1e20)), steps=100_000)
    outcomes = train(spec, reports.append)
    assert [outcome.status for outcome in outcomes] == [Status.DIVERGED] * 2
    assert reports[-1].num_active == 0
    assert reports[-1].steps < 1000


def test_a_divergence_is_the_same_alone_and_in_company():
    together = train(training_spec(individuals=(momentum(0), momentum(1, 1e30)), steps=60))[1]
    alone = train(training_spec(individuals=(momentum(1, 1e30),), steps=60))[0]
    assert (together.status, together.reason, together.steps) == (alone.status, alone.reason, alone.steps)
    np.testing.assert_array_equal(together.curve.losses, alone.curve.losses)


def test_the_seconds_are_reached_too(clock):
    # The clock goes one second forward in every chunk, and a chunk of a second is never made longer than one step.
    (outcome,) = train(training_spec(steps=2, seconds=7.0))
    assert (outcome.status, outcome.steps) == (Status.COMPLETED, 7)
    assert outcome.curve.seconds == 7.0


def test_the_steps_are_reached_too(clock):
    (outcome,) = train(training_spec(steps=9, seconds=3.0))
    assert (outcome.steps, outcome.curve.seconds) == (9, 9.0)


def test_the_clock_is_read_after_every_chunk(clock):
    curve = train(training_spec(steps=4))[0].curve
    assert curve.clock_steps.tolist() == [0, 1, 2, 3, 4]
    assert curve.clock_seconds.tolist() == [0, 1, 2, 3, 4]


def test_the_real_clock_only_goes_forward():
    curve = train(training_spec(steps=500))[0].curve
    assert (curve.clock_steps[0], curve.clock_seconds[0], curve.clock_steps[-1]) == (0, 0, 500)
    assert (np.diff(curve.clock_steps) > 0).all()
    assert (np.diff(curve.clock_seconds) > 0).all()


def test_progress_is_reported_off_the_clock(clock):
    def slow(progress):
        clock.now += 1000

    assert train(training_spec(steps=3), slow)[0].curve.seconds == 3


def test_progress_says_steps_seconds_and_who_is_alive(clock):
    reports = []
    train(training_spec(individuals=(momentum(0), momentum(1)), steps=3), reports.append)
    assert reports == [Progress(1, 1.0, 2), Progress(2, 2.0, 2), Progress(3, 3.0, 2)]


def unequal_to_alone(spec):
    """The keys of the individuals whose losses in company are not those that they have alone."""
    unequal = []
    for together, individual in zip(train(spec), spec.individuals, strict=True):
        (alone,) = train(replace(spec, individuals=(individual,)))
        if not np.array_equal(together.curve.losses, alone.curve.losses, equal_nan=True):
            unequal.append(individual.key)
    return unequal


@pytest.mark.parametrize(("dimension", "dtype"), [(7, "float64"), (33, "float64"), (50, "float32")])
def test_an_individual_of_eight_equals_one_alone_in_any_dimension(dimension, dtype):
    spec = training_spec(individuals=tuple(momentum(key) for key in range(8)), steps=30, dtype=dtype)
    assert unequal_to_alone(replace(spec, task=TaskSpec("quadratic", {"dimension": dimension}))) == []


def test_an_individual_of_forty_equals_one_alone_with_adam():
    individuals = tuple(varied_individual("adam", p) for p in range(40))
    assert unequal_to_alone(training_spec("adam", individuals=individuals, steps=60)) == []


def test_the_evaluations_of_a_diverged_individual_end_with_its_steps():
    _, diverged = train(training_spec(individuals=(momentum(0), momentum(1, 1e30)), steps=60))
    assert diverged.evaluations == diverged.steps < 60


@pytest.mark.parametrize(("optimizer", "task"), LOCKSTEP_PAIRS)
def test_an_individual_of_eight_equals_one_alone_bit_for_bit(optimizer, task):
    individuals = tuple(varied_individual(optimizer, p) for p in range(8))
    spec = training_spec(optimizer, task, individuals=individuals, steps=140)
    assert unequal_to_alone(spec) == []


@pytest.mark.parametrize(
    ("optimizer", "task"), [pair for pair in LOCKSTEP_PAIRS if OPTIMIZERS.load(pair[0]).hyperparameters]
)
def test_individuals_with_different_hyperparameters_have_different_losses(optimizer, task):
    individuals = tuple(varied_individual(optimizer, p) for p in range(8))
    losses = losses_of(train(training_spec(optimizer, task, individuals=individuals, steps=50)))
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(losses))


def test_a_missing_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="device 'cuda' is not available"):
        train(training_spec(device="cuda"))


def test_a_population_over_the_tasks_limit_is_refused(monkeypatch):
    monkeypatch.setattr(TASKS.load("rosenbrock"), "max_population", 2)
    pair = tuple(momentum(key) for key in range(2))
    assert len(train(training_spec(task="rosenbrock", individuals=pair, steps=1))) == 2
    with pytest.raises(UsageError, match="at most 2 individuals in lockstep, not 3"):
        train(training_spec(task="rosenbrock", individuals=(*pair, momentum(2))))


@pytest.mark.parametrize("optimizer", ["adam", "lodo", "o-lbfgs"])
def test_a_trace_is_of_the_points_whose_losses_a_training_records(optimizer):
    individuals = tuple(varied_individual(optimizer, key) for key in range(3))
    spec = training_spec(optimizer, "rosenbrock", individuals=individuals)
    points = torch.from_numpy(trace(spec))
    assert points.shape == (21, 3, 2)
    task = TASKS.load("rosenbrock")([torch.Generator()] * 3, torch.float64, {})
    expected = np.stack([task.loss_and_gradient(x)[0].numpy() for x in points[:-1]], axis=1)
    for losses, row in zip(losses_of(train(spec)), expected, strict=True):  # those of one that diverged end early
        np.testing.assert_array_equal(losses, row[: len(losses)])


def test_a_trace_checks_what_it_is_given():
    with pytest.raises(UnknownNameError):
        trace(training_spec(task="nothing"))

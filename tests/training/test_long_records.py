"""Trainings of millions of steps: exact scores, curves that no chunk or stop changes, and memory that does not grow."""

import numpy as np
import pytest
import torch

from lodo_bench.analysis.statistics.target import first_crossing
from lodo_bench.charts.curves import aggregate, by_seconds, by_steps
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.spec.curve_blocks import EXACT_STEPS, num_blocks
from lodo_bench.spec.milestone_loss import milestone_loss
from lodo_bench.spec.outcome import Curve, Status
from lodo_bench.training import readings as readings_module
from lodo_bench.training import scored_window
from lodo_bench.training.readings import Readings
from lodo_bench.training.recorder import Recorder
from tests.builders import at_seconds, at_steps, provenance, run, run_set_spec

STEPS = 2_500_003
SECONDS_PER_STEP = 1e-5
MILESTONES = (at_steps(1000), at_steps(EXACT_STEPS + 77_777), at_steps(2_400_000), at_seconds(20))


@pytest.fixture(scope="module")
def losses():
    """A loss that falls slowly with much noise, and one that diverges in the middle of a block."""
    steps = np.arange(1, STEPS + 1)
    noisy = 100 * steps**-0.3 * np.exp(0.2 * np.random.default_rng(0).standard_normal(STEPS))
    diverging = noisy[::-1].copy()
    diverging[2_000_003] = np.inf
    diverging[2_000_004:] = np.nan
    return np.stack([noisy, diverging], axis=1)


def recorded(losses, chunk, stop=None, milestones=MILESTONES):
    """The record of losses that come in chunks, after a stop in which it is saved and loaded."""
    recorder = Recorder(losses.shape[1], milestones)
    for begin in range(0, len(losses), chunk):
        block = losses[begin : begin + chunk]
        end = begin + len(block)
        recorder.add(torch.from_numpy(block), np.arange(begin + 1, end + 1), end * SECONDS_PER_STEP)
        if stop is not None and end >= stop:
            resumed, stop = Recorder(losses.shape[1], milestones), None
            resumed.load_state_dict(recorder.state_dict())
            recorder = resumed
    return recorder


@pytest.fixture(scope="module")
def outcomes(losses):
    return recorded(losses, 100_000).outcomes(interrupted=False)


def whole(losses):
    """The curve of all losses."""
    steps = np.arange(len(losses) + 1)
    return Curve(losses, steps, steps * SECONDS_PER_STEP)


@pytest.mark.parametrize(("chunk", "stop"), [(1000, 1_700_000), (33_333, 1), (77_777, 2_000_000), (STEPS, None)])
def test_a_resumed_record_is_that_of_one_that_was_never_stopped_bit_for_bit(losses, outcomes, chunk, stop):
    for found, expected in zip(recorded(losses, chunk, stop).outcomes(interrupted=False), outcomes, strict=True):
        assert found.curve.losses.tobytes() == expected.curve.losses.tobytes()
        assert (found.status, found.reason, found.steps) == (expected.status, expected.reason, expected.steps)
        assert found.evaluations == expected.evaluations
        for milestone, loss in expected.milestones.items():
            if milestone.unit == "steps":
                np.testing.assert_equal(found.milestones[milestone], loss)


def test_scores_are_those_of_all_losses(losses, outcomes):
    for milestone in MILESTONES:
        assert outcomes[0].milestones[milestone] == milestone_loss(whole(losses[:, 0]), milestone)
    diverged = [milestone for milestone in MILESTONES if np.isnan(outcomes[1].milestones[milestone])]
    assert diverged == [at_steps(2_400_000)]  # 20 seconds end at step 2,000,000, before the divergence


def test_sums_replace_the_losses_of_long_windows(losses, outcomes, monkeypatch):
    monkeypatch.setattr(scored_window, "_MOST_ROWS", 1000)
    found, other = (recorded(losses[:, :1], chunk).outcomes(interrupted=False)[0] for chunk in (333, 100_000))
    assert found.milestones[at_steps(2_400_000)] == other.milestones[at_steps(2_400_000)]
    for milestone, loss in outcomes[0].milestones.items():
        # The clock is interpolated between other readings, which may move a window of seconds by a step.
        tolerance = 1e-13 if milestone.unit == "steps" else 1e-4
        assert found.milestones[milestone] == pytest.approx(loss, rel=tolerance)


@pytest.mark.parametrize("steps", [7, 100, 1000, 4321])
@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_short_records_are_scored_as_their_curves_bit_for_bit(losses, steps, chunk):
    milestones = (at_steps(steps), at_steps(1), at_seconds(steps * SECONDS_PER_STEP / 2), at_seconds(1e-9))
    outcome = recorded(losses[:steps, :1], chunk, steps // 2, milestones).outcomes(interrupted=False)[0]
    expected = {milestone: milestone_loss(outcome.curve, milestone) for milestone in milestones}
    assert outcome.milestones == {milestone: loss for milestone, loss in expected.items() if loss is not None}
    assert outcome.curve.block_ends is None and outcome.curve.losses.tobytes() == losses[:steps, 0].tobytes()


def test_the_first_steps_keep_their_losses_and_later_ones_have_means(losses, outcomes):
    curve = outcomes[0].curve
    assert curve.losses[:EXACT_STEPS].tobytes() == losses[:EXACT_STEPS, 0].tobytes()
    sizes = curve.block_sizes
    assert len(curve.losses) == len(sizes) == num_blocks(STEPS) and sizes.sum() == curve.steps == STEPS
    assert curve.losses @ sizes == pytest.approx(losses[:, 0].sum(), rel=1e-12)
    assert curve.losses[-1] == pytest.approx(losses[STEPS - sizes[-1] :, 0].mean())


def test_a_divergence_within_a_block_ends_the_curve_at_its_step(outcomes):
    outcome = outcomes[1]
    assert outcome.status is Status.DIVERGED and outcome.reason.startswith("loss inf at step")
    assert outcome.steps == outcome.evaluations == outcome.curve.steps == 2_000_004
    assert outcome.curve.losses[-1] == np.inf and np.isfinite(outcome.curve.losses[:-1]).all()


@pytest.mark.parametrize("steps", [1000, EXACT_STEPS, EXACT_STEPS + 77_777, 1_500_000, STEPS])
def test_other_milestones_are_scored_from_blocks_within_the_stated_error(losses, outcomes, steps):
    exact = milestone_loss(whole(losses[:, 0]), at_steps(steps))
    found = milestone_loss(outcomes[0].curve, at_steps(steps))
    assert found == pytest.approx(exact, rel=2e-4)
    assert found == exact or steps > EXACT_STEPS


@pytest.mark.parametrize("window", [1, 100, 100_000])
@pytest.mark.parametrize("step", [1_000_000, 1_048_700, 1_800_000, 2_222_222])
def test_a_target_is_reached_in_the_same_block(window, step):
    falling = np.linspace(10, 1, STEPS)
    curve = recorded(falling[:, None], 100_000, milestones=()).outcomes(interrupted=False)[0].curve
    target = float(falling[step - window : step].mean()) + 1e-9
    exact, found = (first_crossing(each, target, window) for each in (whole(falling), curve))
    assert exact.step == step
    assert abs(found.step - step) <= (0 if step <= EXACT_STEPS else 32)
    assert found.seconds == pytest.approx(found.step * SECONDS_PER_STEP)


def test_a_target_that_is_never_reached_is_not_reached_in_blocks(outcomes):
    assert first_crossing(outcomes[0].curve, 0.1, 1000) is None
    assert first_crossing(outcomes[1].curve, 0.1, 1000) is None


@pytest.mark.parametrize("kind", [by_steps, by_seconds])
def test_a_chart_shows_the_same(losses, outcomes, kind):
    shown = [aggregate([kind(curve, Status.COMPLETED)]) for curve in (whole(losses[:, 0]), outcomes[0].curve)]
    np.testing.assert_allclose(shown[1].x, shown[0].x, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(shown[1].middle, shown[0].middle, rtol=1e-2)


def test_it_is_stored_with_its_blocks(outcomes):
    database = Database("sqlite://", create=True)
    store = Store(database, provenance())
    opened = store.open_run_set(run_set_spec()).id
    for seed, outcome in enumerate(outcomes):
        store.add_run(opened, run(seed, steps=outcome.steps), outcome.curve)
        found = store.curve(opened, seed)
        np.testing.assert_array_equal(found.block_ends, outcome.curve.block_ends)
        np.testing.assert_array_equal(found.losses, outcome.curve.losses.astype(np.float32))
    database.close()


def test_the_memory_of_a_long_training_hardly_grows():
    recorder, block = Recorder(1, (at_steps(1000), at_seconds(1000.0))), torch.ones(500_000, 1, dtype=torch.float64)
    sizes = []
    for count in range(1, 81):
        recorder.add(block, np.arange(len(block)), float(count))
        sizes.append(sum(tensor.nbytes for tensor in tensors(recorder.state_dict())))
    assert max(sizes) < 16e6  # of 320 MB of losses
    assert sizes[-1] - sizes[39] < 1.1e6  # the second half


def tensors(state):
    for value in state.values():
        if isinstance(value, dict):
            yield from tensors(value)
        elif isinstance(value, torch.Tensor):
            yield value


@pytest.mark.parametrize("count", [1, 8, 9, 16, 17, 18, 100, 1000])
def test_readings_are_thinned_evenly_with_the_first_and_the_latest(count, monkeypatch):
    monkeypatch.setattr(readings_module, "MOST_READINGS", 8)
    readings = Readings(1)
    for step in range(count):
        for value in (-1.0, float(step)):  # the second is in place of the first
            readings.add(step, np.array([value]))
        if step == count // 2:
            resumed = Readings(1)
            resumed.load_state_dict(readings.state_dict())
            readings = resumed
    steps = readings.steps.tolist()
    assert readings.values[:, 0].tolist() == steps and len(steps) <= 9
    assert steps[0] == 0 and steps[-1] == readings.last_step == count - 1
    assert len(set(np.diff(steps[:-1]))) <= 1
    assert count > 8 or steps == list(range(count))

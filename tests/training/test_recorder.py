"""The record of a training: divergence, metrics and scores, independent of the chunks it arrives in."""

import numpy as np
import pytest
import torch

from lodo_bench.errors import StateError
from lodo_bench.spec.outcome import Status
from lodo_bench.training.recorder import Recorder
from tests.builders import at_steps

# Two individuals; the second diverges at its third step.
LOSSES = torch.tensor([[5.0, 5.0], [4.0, 6.0], [3.0, torch.inf], [2.0, torch.nan]])


def filled(*cuts):
    """A recorder of the losses, in chunks that end at the `cuts`, with a metric and a score after each."""
    recorder = Recorder(2)
    for start, stop in zip((0, *cuts), (*cuts, 4), strict=True):
        recorder.add(LOSSES[start:stop], np.arange(start, stop) + 1, float(stop))
        recorder.add_measurement({"norm": torch.tensor([1.0, 2.0]) * stop}, is_score=True)
        recorder.add_scores(at_steps(stop), {"test_loss": torch.tensor([0.5, 0.25])})
    return recorder


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (1, 2, 3)])
def test_losses_and_divergence_do_not_depend_on_the_chunks(cuts):
    recorder = filled(*cuts)
    completed, diverged = recorder.outcomes(interrupted=False)
    assert recorder.num_active == 1 and recorder.steps == 4
    assert (completed.status, completed.reason) == (Status.COMPLETED, "")
    assert completed.curve.losses.tolist() == [5, 4, 3, 2]
    assert (diverged.status, diverged.reason) == (Status.DIVERGED, "loss inf at step 3")
    assert diverged.curve.losses.tolist() == [5, 6, np.inf]
    assert (completed.evaluations, diverged.evaluations) == (4, 3)


def test_metrics_and_scores_end_with_the_divergence():
    completed, diverged = filled(2).outcomes(interrupted=False)
    assert completed.curve.metrics["norm"].steps.tolist() == [2, 4]
    assert completed.curve.metrics["norm"].values.tolist() == [2, 4]
    assert diverged.curve.metrics["norm"].steps.tolist() == [2]
    assert completed.scores[at_steps(4)] == {"norm": 4.0, "test_loss": 0.5}
    assert diverged.scores == {at_steps(2): {"norm": 4.0, "test_loss": 0.25}}


def test_an_interrupt_is_the_status_of_those_that_are_active():
    statuses = [outcome.status for outcome in filled().outcomes(interrupted=True)]
    assert statuses == [Status.INTERRUPTED, Status.DIVERGED]


def test_a_state_restores_everything():
    first, second = filled(2), Recorder(2)
    second.load_state_dict(first.state_dict())
    for before, after in zip(*(each.outcomes(interrupted=False) for each in (first, second)), strict=True):
        np.testing.assert_array_equal(before.curve.losses, after.curve.losses)
        np.testing.assert_array_equal(before.curve.clock_seconds, after.curve.clock_seconds)
        assert (before.status, before.reason, before.scores) == (after.status, after.reason, after.scores)
        np.testing.assert_array_equal(before.curve.metrics["norm"].values, after.curve.metrics["norm"].values)
    assert second.has_scored(at_steps(2)) and not second.has_scored(at_steps(3))


def test_the_state_of_another_population_is_refused():
    with pytest.raises(StateError, match="incomplete"):
        Recorder(3).load_state_dict(filled().state_dict())

"""What the tests of all frameworks train, and with which optimizers."""

import pytest

import lodo_bench
from lodo_bench.optimizers.lodo.drop_in.arguments import PRESETS

STEPS, SAVED = 6, 3
"""The length of a training, and the step after which it is saved, to be resumed."""
RATES = {"lr": 0.2, "meta_lr": 1e-3}
each_preset = pytest.mark.parametrize("preset", PRESETS)


def lodo(parameters, preset, **changes):
    return lodo_bench.LODO(parameters, **{**RATES, "preset": preset, **changes})


def learned(optimizer):
    """Whether preconditioners have learned, so that a state that is lost would be missed."""
    states = [state for state in optimizer.state.values() if "weights" in state]
    return bool(states) and all(float(state["step"]) > 1 for state in states)

"""Measured speeds: an interrupt is one, and a failure is an unknown speed."""

import math
from types import SimpleNamespace

import pytest

from lodo_bench.experiments import speeds
from lodo_bench.experiments.speeds import Speeds
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from tests.compute_specs import CPU


def measure():
    return Speeds(None, lambda _: CPU).measured(TaskSpec("rosenbrock"), OptimizerSpec("adam"), 2)


def test_a_speed_is_measured():
    seconds, basis = measure()
    assert (seconds > 0, basis) == (True, "measured")


def test_an_interrupt_ends_the_measurement(monkeypatch):
    monkeypatch.setattr(speeds, "train", lambda _: [SimpleNamespace(status=Status.INTERRUPTED)])
    with pytest.raises(KeyboardInterrupt):
        measure()


def test_a_failure_is_an_unknown_speed(monkeypatch):
    monkeypatch.setattr(speeds, "train", lambda _: [SimpleNamespace(status=Status.FAILED, reason="no memory")])
    seconds, basis = measure()
    assert (math.isnan(seconds), basis) == (True, "unknown")

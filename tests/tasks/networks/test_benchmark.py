"""The benchmark of the networks can be run: each of its contestants, for a step."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def networks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield pytest.importorskip("networks")
    for name in ("networks", "plain_loops", "plain_networks"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("task", "options"), [("mnist", {}), ("cifar10", {"width": 1})])
def test_every_contestant_takes_a_step(networks, task, options):
    setting = networks.Setting(task, {"batch_size": 2, **options}, "cpu", 1, 1)
    for name in networks.CONTESTANTS:
        assert networks.fits(name, setting)
        seconds, memory = networks.contest(name, setting)
        assert seconds > 0
        assert memory > 0

"""The training clock, by a clock that only moves when it is told to."""

import pytest
import torch

from lodo_bench.training.stopwatch import Stopwatch


class StoppedClock:
    def __init__(self):
        self.now = 100.0
        self.events = []

    def __call__(self):
        self.events.append("read")
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = StoppedClock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


def test_it_starts_at_zero(clock):
    assert Stopwatch("cpu").seconds == 0


def test_it_adds_up_what_is_inside_and_pauses_outside(clock):
    watch = Stopwatch("cpu")
    clock.now += 1000
    for inside in (2.0, 3.5):
        with watch as entered:
            assert entered is watch
            clock.now += inside
        clock.now += 1000
    assert watch.seconds == 5.5


def test_time_up_to_an_error_counts(clock):
    watch = Stopwatch("cpu")
    with pytest.raises(KeyboardInterrupt), watch:
        clock.now += 4
        raise KeyboardInterrupt
    assert watch.seconds == 4


def test_a_cpu_is_not_waited_for(clock, monkeypatch):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: clock.events.append("wait"))
    with Stopwatch("cpu"):
        pass
    assert clock.events == ["read", "read"]


def test_a_gpu_is_waited_for_before_each_reading(clock, monkeypatch):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: clock.events.append("wait"))
    with Stopwatch("cuda"):
        clock.events.append("work")
    assert clock.events == ["wait", "read", "work", "wait", "read"]


def test_the_wait_for_a_gpu_is_part_of_its_time(clock, monkeypatch):
    def wait():
        clock.now += 10

    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    watch = Stopwatch("cuda")
    with watch:
        clock.now += 1
    assert watch.seconds == 11

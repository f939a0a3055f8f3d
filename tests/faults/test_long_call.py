"""Ctrl-C while the main thread is inside one long call of compiled code, as when a large problem is factorized."""

import os
import signal
import threading
import time

import pytest

from lodo_bench.compute import signals
from tests.cli.runner import Place, finish, wait_until

# A call of minutes, without Python's lock, that returns for no signal.
STUCK = """
import hashlib, pathlib
pathlib.Path("started").touch()
hashlib.pbkdf2_hmac("sha256", b"", b"", 400_000_000)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_during_a_long_call_ends_the_program(number, tmp_path, injected):
    place = Place(tmp_path)
    (place.work / "stuck.py").write_text(STUCK)
    process = place.start("run", "./stuck.py:Optimizer", "--task", "quadratic", "--steps", 3)
    wait_until((place.work / "started").exists, process)
    os.kill(process.pid, number)
    result = finish(process)
    assert (result.code, result.stdout) == (130, "")
    assert "interrupted, during a calculation that cannot be stopped. Nothing was stored yet. Rerun" in result.stderr
    assert "lodo-bench run ./stuck.py:Optimizer --task quadratic --steps 3" in result.stderr
    injected(f"{number.name} during one long call of compiled code", "ends within seconds, code 130")


@pytest.fixture
def answers(monkeypatch):
    monkeypatch.setattr(signals, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(signals, "_JUST_NOW_SECONDS", 0.1)
    monkeypatch.setattr(signals, "_delivered_at", -float("inf"))
    return []


def handle(noted):
    def handler(number, frame):
        if noted:
            signals.note_delivery()

    before = signal.signal(signal.SIGINT, handler)
    return lambda: signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("noted", [True, False])
def test_only_what_no_handler_answers_is_answered(noted, answers):
    restore = handle(noted)
    try:
        with signals.answer_when_stuck(lambda: answers.append(1)):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.8)
    finally:
        restore()
    assert answers == ([] if noted else [1])


def test_after_the_block_nothing_watches(answers):
    restore = handle(False)
    wait_until(lambda: watching() == 0)  # of the tests before
    try:
        with signals.answer_when_stuck(lambda: answers.append(1)):
            assert watching() == 1
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
    finally:
        restore()
    assert answers == []
    wait_until(lambda: watching() == 0)


def watching():
    return sum(thread.name == "interrupts" for thread in threading.enumerate())


def test_other_threads_are_left_alone(answers):
    def run():
        with signals.answer_when_stuck(lambda: answers.append(1)):
            done.set()

    done = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done.is_set() and signal.set_wakeup_fd(-1) == -1

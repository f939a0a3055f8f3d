"""Interrupts that arrive where Python drops exceptions, or while a worker process loads its modules."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.runner import finish, wait_until

EXPERIMENT = """\
title: Which?
task: quadratic
options: {dimension: 8}
optimizers: [adam, momentum]
hyperparameters: default
runs: [{seeds: 2, steps: 200}]
output: [comparison]
"""
# Each sends SIGINT to itself where the exception of the handler cannot be raised.
PLACES = {
    "a destructor": """
class Leaving:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

Leaving()
""",
    "a function that C calls": """
@ctypes.CFUNCTYPE(None)
def callback():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)

callback()
""",
    "a callback of a weak reference": """
class Referred: ...

def gone(reference):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)

referred = Referred()
reference = weakref.ref(referred, gone)
del referred
""",
}
PROGRAM = """
import ctypes, os, signal, time, weakref
from lodo_bench.cli.signals import interrupt

interrupt()
try:
    {place}
    print("dropped")
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
"""


def program(place):
    text = PROGRAM.format(place=PLACES[place].replace("\n", "\n    "))
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_that_python_drops_is_repeated(place):
    result = program(place)
    assert (result.stdout.split(), result.stderr) == (["dropped", "interrupted"], "")


def test_other_dropped_exceptions_are_shown():
    text = "from lodo_bench.cli.signals import interrupt\ninterrupt()\nclass A:\n  def __del__(self): 1 / 0\nA()\n"
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert "ZeroDivisionError" in result.stderr


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
        return file.read().split()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_interrupted_while_it_loads_says_nothing(place, ending):
    (place.work / "mine.yaml").write_text(EXPERIMENT)
    chance = random.Random(int(ending))
    for _ in range(3):
        process = place.start("reproduce", "mine.yaml", "--workers", 2, "-o", "page")
        wait_until(lambda process=process: len(children(process)) >= 3, process)  # with Python's resource tracker
        time.sleep(chance.uniform(0, 0.5))
        os.killpg(process.pid, ending)
        result = finish(process)
        assert result.code == 130
        assert "Traceback" not in result.stderr
        assert result.stderr.count("lodo-bench: interrupted") == 1

import os

# Before PyTorch is imported. Several processes that share the cores mostly wait for each other's threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import signal
import sys
from contextlib import ExitStack, nullcontext

import pytest

from lodo_bench.compute.interrupts import preserve_signal_handlers
from lodo_bench.optimizers import OPTIMIZERS
from tests import postgres, stand_in_data

if sys.platform == "linux":
    multiprocessing.set_start_method("fork")  # as the command line does; tests of other methods say so

# In the background of a shell, and under nohup, SIGINT is ignored, and so it would be by every process that is started.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    faults = parser.getgroup("faults", "how often tests/faults do it")
    faults.addoption("--kills", type=int, default=2, help="kills of each command")
    faults.addoption("--cases", type=int, default=20, help="cases of each kind of damaged or random input")
    faults.addoption("--soak-minutes", type=float, default=0.0, help="length of the soak; 0 leaves it out")
    faults.addoption("--long", action="store_true", help="include the tests that take minutes")
    faults.addoption("--faults-json", help="file to write what was injected, and what happened")


@pytest.fixture(scope="session", autouse=True)
def stand_ins(tmp_path_factory):
    """The data directory of all tests, with small stand-ins, whatever the surroundings have."""
    directory = tmp_path_factory.mktemp("data")
    stand_in_data.write_mnist(directory, train=70, test=2)
    stand_in_data.write_cifar10(directory, batch=4, test=6)
    before = os.environ.get("LODO_BENCH_DATA")
    os.environ["LODO_BENCH_DATA"] = str(directory)
    yield directory
    if before is None:
        del os.environ["LODO_BENCH_DATA"]
    else:
        os.environ["LODO_BENCH_DATA"] = before


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server; tests that need one are skipped where none can be started."""
    if reason := postgres.why_unavailable():
        pytest.skip(reason)
    server = postgres.Server()
    yield server
    server.close()


@pytest.fixture(scope="session", params=["SQLite", "PostgreSQL"])
def new_location(request, tmp_path_factory):
    """Makes locations of databases that are not there yet, or are empty: context managers, on each kind of database."""
    if request.param == "PostgreSQL":
        return request.getfixturevalue("server").database
    return lambda: nullcontext(str(tmp_path_factory.mktemp("data") / "results.db"))


@pytest.fixture
def location(new_location):
    """The location of a new database, for each kind of database."""
    with new_location() as location:
        yield location


@pytest.fixture(autouse=True)
def signal_handlers():
    """Restores the handlers that a test has replaced, with which an interrupt would end the process in a later one."""
    with preserve_signal_handlers():
        yield


@pytest.fixture
def register():
    """Registers an optimizer class for the length of a test, and returns its name."""
    with ExitStack() as stack:

        def register(cls):
            stack.enter_context(OPTIMIZERS.registered("mine", cls))
            return "mine"

        yield register


class Clock:
    """Stands in for time.perf_counter: every reading takes one second, and so does every step."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock

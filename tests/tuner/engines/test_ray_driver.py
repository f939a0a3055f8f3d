"""The process in which Ray's driver runs, what ends it, and what becomes of a search whose Ray is lost. Without Ray."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from lodo_bench.errors import EngineLost, Remedy, UsageError
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.engines.ray import guard, link, run, watch
from lodo_bench.tuner.engines.ray.guard import GuardedDriver
from lodo_bench.tuner.engines.ray.link import Crash, Done, Link, Lost, RemoteCoordinator, Served
from lodo_bench.tuner.engines.ray.logs import redirect_output
from lodo_bench.tuner.engines.ray.run import run_on_ray
from lodo_bench.tuner.engines.ray.sessions import running_processes
from tests.cli.runner import wait_until
from tests.tuner.engines.counting import Counting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")


def alive(pids):
    return {each.pid for each in running_processes()} & set(pids)


# The guard


def drive_with_family(request, connection):
    """A driver with a child in a process group of its own, which has a child itself; none of them ends by itself."""
    script = "import os, subprocess, time; os.setpgid(0, 0); subprocess.Popen(['sleep', '1000']); time.sleep(1000)"
    child = subprocess.Popen([sys.executable, "-c", script])
    grandchild = wait_until(lambda: [each.pid for each in running_processes() if each.parent == child.pid])
    connection.send([os.getpid(), child.pid, *grandchild])
    try:
        connection.recv()
    finally:
        if request == "stubborn":
            time.sleep(1000)


@contextmanager
def guarded(tmp_path, request="obedient", grace=0.0):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with GuardedDriver(drive_with_family, request, scratch, grace) as driver:
        family = driver.connection.recv()
        assert alive(family) == set(family)
        yield driver, family
    assert alive(family) == set()
    assert not scratch.exists()


@pytest.mark.parametrize("request_", ["obedient", "stubborn"])
def test_nothing_is_left_of_a_driver_that_is_not_wanted_any_more(tmp_path, request_):
    with guarded(tmp_path, request_, grace=0.2):
        pass


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_nor_of_one_that_is_no_fork_of_the_program(tmp_path, monkeypatch, method):
    monkeypatch.setattr(guard, "process_context", lambda: multiprocessing.get_context(method))
    with guarded(tmp_path):
        pass


def test_nothing_is_left_of_a_driver_that_has_ended(tmp_path):
    with guarded(tmp_path) as (driver, family):
        os.kill(family[0], signal.SIGKILL)
        with pytest.raises(EOFError):
            driver.connection.recv()
        wait_until(lambda: not alive(family), patience=10)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_guard_is_killed(tmp_path, number):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with GuardedDriver(drive_with_family, "obedient", scratch, 0.0) as driver:
        family = driver.connection.recv()
        (child,) = multiprocessing.active_children()
        os.kill(child.pid, number)
        with pytest.raises(EOFError):
            driver.connection.recv()
    assert alive(family) == set()


def test_signals_to_the_process_group_do_not_reach_it(tmp_path):
    with guarded(tmp_path) as (_, family):
        (child,) = multiprocessing.active_children()
        assert {os.getsid(pid) for pid in family} == {child.pid}
        assert os.getpgid(child.pid) != os.getpgid(0)


ORPHANS = """
import multiprocessing, os, signal, sys
from pathlib import Path
from tests.tuner.engines.test_ray_driver import *
multiprocessing.set_start_method("fork")
with guarded(Path(sys.argv[1])) as (driver, family):
    print(*family, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_outlives_a_killed_program(tmp_path):
    done = subprocess.run([sys.executable, "-c", ORPHANS, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    family = [int(pid) for pid in done.stdout.split()]
    assert len(family) == 3
    wait_until(lambda: not alive(family), patience=10)
    wait_until(lambda: not (tmp_path / "scratch").exists(), patience=10)


# The link


@contextmanager
def talking(talk, coordinator):
    """A driver, as a thread, and the end of the link that serves it."""
    ours, theirs = multiprocessing.Pipe()

    def drive():
        with theirs:
            talk(Link(theirs))

    thread = threading.Thread(target=drive)
    thread.start()
    with ours:
        yield Served(coordinator, ours)
    thread.join()


def test_a_driver_uses_the_coordinator_of_the_program():
    coordinator = Counting(2)
    seen = []

    def talk(link):
        remote = RemoteCoordinator(link)
        remote.use_workers(3)
        seen.append((remote.finished, remote.num_pending))
        assert remote.assign("a") == 0
        assert remote.overdue() == []
        remote.notice("hello")
        remote.lose("a", "gone", blame=False)
        for shard in (1, 0):
            assert remote.assign("b") == shard
            remote.complete({"b": {"shard": shard}})
        seen.append((remote.finished, remote.num_pending))
        link.send(Done())

    with talking(talk, coordinator) as served:
        assert served.serve() == Done()
    assert seen == [(False, 2), (True, 0)]
    assert (coordinator.num_workers, coordinator.notices) == (3, ["hello"])
    assert coordinator.losses == [("a", "gone", False)]
    assert served.num_results == 2


@pytest.mark.parametrize(
    ("message", "reason"), [(Lost("it has ended"), "it has ended"), (None, "Ray's driver has ended")]
)
def test_how_a_driver_is_lost(message, reason):
    with talking(lambda link: message and link.send(message), Counting(1)) as served:
        assert served.serve() == Lost(reason)


def test_a_driver_that_is_silent_is_lost(monkeypatch):
    monkeypatch.setattr(link, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(link, "_POLL_SECONDS", 0.05)
    over = threading.Event()

    def talk(link):
        RemoteCoordinator(link).overdue()
        over.wait()

    with talking(talk, Counting(1)) as served:
        assert served.serve().reason.startswith("Ray has not responded for")
        over.set()


def test_what_a_driver_raises_is_raised():
    error = UsageError("no room", remedy=Remedy.FEWER_GPUS)
    with talking(lambda link: link.send(error), Counting(1)) as served:
        with pytest.raises(UsageError, match="no room") as caught:
            served.serve()
        assert caught.value.remedy is Remedy.FEWER_GPUS
    with (
        talking(lambda link: link.send(Crash("Traceback: in line 3")), Counting(1)) as served,
        pytest.raises(RuntimeError, match="in line 3"),
    ):
        served.serve()


# The watch


def test_a_server_that_ends_is_reported(monkeypatch):
    monkeypatch.setattr(watch, "_SERVERS", ("sleep",))
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(watch, "check_reachable", lambda address: None)
    reports = []
    with subprocess.Popen(["sleep", "1000"]) as server:
        wait_until(lambda: any(each.name == "sleep" and each.pid == server.pid for each in running_processes()))
        watch.watch_servers("here:1", reports.append)
        time.sleep(0.2)
        assert reports == []
        server.kill()
    wait_until(lambda: reports)
    assert reports == [f"Ray's sleep (process {server.pid}) has ended"]


def test_a_cluster_that_does_not_respond_is_reported_once(monkeypatch):
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.01)
    answers = iter([OSError, None, OSError, OSError, OSError, None])

    def check(address):
        if (answer := next(answers)) is not None:
            raise answer

    monkeypatch.setattr(watch, "check_reachable", check)
    reports = []
    watch.watch_servers("there:6379", reports.append)
    wait_until(lambda: reports)
    time.sleep(0.1)
    assert reports == ["the Ray cluster at there:6379 no longer responds"]


# The search


def drive_for_a_while(request, connection):
    """A driver that completes one shard, tells something to the file for it, takes another, and is lost."""
    redirect_output(request.scratch)
    remote = RemoteCoordinator(Link(connection))
    shard = remote.assign("a")
    remote.complete({"a": {"shard": shard}})
    if remote.finished:
        connection.send(Done())
        return
    remote.assign("a")
    os.write(2, b"a state dump")
    os.kill(os.getpid(), signal.SIGKILL)


def drive_to_a_loss(request, connection):
    connection.send(Lost("Ray's raylet (process 7) has ended"))


def drive_to_a_refusal(request, connection):
    connection.send(UsageError("there is no room", remedy=Remedy.FEWER_GPUS))


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """The directory of the files that stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_ray_is_started_again_as_often_as_there_is_progress(monkeypatch, temporary):
    monkeypatch.setattr(run, "drive_search", drive_for_a_while)
    coordinator = Counting(5)
    run_on_ray(coordinator, Cluster(1))
    assert sorted(result["shard"] for result in coordinator.results) == [0, 1, 2, 3, 4]
    assert len(coordinator.notices) == 4
    for notice in coordinator.notices:
        path = Path(notice.removeprefix("Ray's driver has ended. What Ray said of it is in ").partition(".log.")[0])
        assert "a state dump" in path.with_suffix(".log").read_text()
    assert len(list(temporary.iterdir())) == 4


def test_a_ray_that_is_lost_again_and_again_ends_the_search(monkeypatch, temporary):
    monkeypatch.setattr(run, "drive_search", drive_to_a_loss)
    coordinator = Counting(5)
    with pytest.raises(EngineLost, match=r"raylet \(process 7\) has ended\. .* 3 times without a result") as caught:
        run_on_ray(coordinator, Cluster(1))
    assert caught.value.exit_code == 3
    assert len(coordinator.notices) == 2


def test_a_ray_that_cannot_be_used_is_told_as_it_is_unless_it_was_lost_before(monkeypatch, temporary):
    monkeypatch.setattr(run, "drive_search", drive_to_a_refusal)
    with pytest.raises(UsageError, match="there is no room") as caught:
        run_on_ray(Counting(5), Cluster(1))
    assert caught.value.remedy is Remedy.FEWER_GPUS
    drives = iter([drive_to_a_loss, drive_to_a_refusal])

    class Driver(GuardedDriver):
        def __init__(self, drive, *more):
            super().__init__(next(drives), *more)

    monkeypatch.setattr(run, "GuardedDriver", Driver)
    with pytest.raises(EngineLost, match=r"has ended\. .*cannot be used again: there is no room"):
        run_on_ray(Counting(5), Cluster(1))


def test_what_the_coordinator_raises_ends_all(monkeypatch, temporary):
    class Full(Counting):
        def complete(self, results):
            raise OSError("the disk is full")

    monkeypatch.setattr(run, "drive_search", drive_for_a_while)
    with pytest.raises(OSError, match="full"):
        run_on_ray(Full(5), Cluster(1))
    assert multiprocessing.active_children() == []

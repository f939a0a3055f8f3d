"""Carries out experiments in this process."""

from contextlib import contextmanager

from lodo_bench.experiments.directory import Directory
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.experiments.outputs import render_sections
from lodo_bench.experiments.plan import ExecutionConfig
from lodo_bench.experiments.run import run_experiment
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.runs.provenance import gather
from lodo_bench.tuner.driver import Cluster

HERE = ExecutionConfig("cpu", "torch", Cluster(workers=0))


class Silent:
    """An audience that keeps what it is told."""

    def __init__(self):
        self.notices = []
        self.timed = []

    @contextmanager
    def tuning(self):
        yield self

    @contextmanager
    def running(self, spec):
        self.timed.append(spec)
        yield self

    def notice(self, message):
        self.notices.append(message)

    def progress(self, progress):
        return

    def initial(self, run):
        return

    def ended(self, run):
        return


def open_store(path):
    return Store(Database(str(path), create=True), gather("cpu", "lodo-bench reproduce", 1))


def do(name, scale, store, audience=None, setting=HERE):
    return run_experiment(load_experiment(str(name), scale), store, setting, audience or Silent())


def page(done, directory):
    files = Directory(str(directory), done.experiment).write(render_sections(done), [])
    return files[0].read_text("utf-8"), files[1:]

"""Runs experiments in this process."""

from contextlib import contextmanager

from lodo_bench.experiments.directory import Directory
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.experiments.outputs import render_sections
from lodo_bench.experiments.plan import ExecutionConfig, make_plan, validate
from lodo_bench.experiments.run import run_experiment
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.runs.provenance import collect_provenance
from lodo_bench.tuner.cluster import Cluster

HERE = ExecutionConfig("cpu", "torch", Cluster(workers=0))


class Silent:
    """A progress reporter that keeps what it is told."""

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

    def planned(self, specs):
        return

    def notice(self, message):
        self.notices.append(message)

    def progress(self, progress):
        return

    def activity(self, activity):
        return

    def start(self, run, count, left):
        return

    def ended(self, run):
        return


def open_store(path):
    return Store(Database(str(path), create=True), collect_provenance("cpu", "lodo-bench reproduce", 1))


def plan_of(name, scale, execution=HERE):
    return make_plan(load_experiment(str(name), scale), execution)


def do(name, scale, store, reporter=None):
    plan = plan_of(name, scale)
    validate(plan)
    return run_experiment(plan, store, reporter or Silent())


def page(result, directory):
    files = Directory(str(directory), result.experiment).write(render_sections(result), [])
    return files[0].read_text("utf-8"), files[1:]

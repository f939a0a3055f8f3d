"""Studies that run in this process, with real training."""

import math
import platform
import sys
from dataclasses import replace

import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationPlan, Schedule
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.rosenbrock import Rosenbrock
from lodo_bench.training import session
from lodo_bench.training.loop import train
from lodo_bench.tuner import driver
from lodo_bench.tuner.cluster import Cluster
from lodo_bench.tuner.driver import run_studies
from lodo_bench.tuner.engines import inline
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import evaluate
from tests.helpers import defaults
from tests.tuner.helpers import MemoryWriter, RecordingCallback, plain, shards_of, study_record, study_spec

HERE = Cluster(workers=0)
TINY = Schedule("tiny", 5, (GenerationPlan(1.0, 10), GenerationPlan(0.5, 20)))
SPECS = {
    1: study_spec("momentum", schedule=TINY),
    2: study_spec("lodo", schedule=TINY),
    3: study_spec("adam", schedule=TINY, task=TaskSpec("quadratic", {"dimension": 10})),
}


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    """Make it an error to import Ray."""
    monkeypatch.setitem(sys.modules, "ray", None)


def new_studies():
    return [Study(study_record(spec, number=number)) for number, spec in SPECS.items()]


def restored(writer):
    return [Study(writer.record(number, spec)) for number, spec in SPECS.items()]


def test_studies_are_run_to_their_end():
    writer, callback, studies = MemoryWriter(), RecordingCallback(), new_studies()
    run_studies(studies, writer, callback, HERE)
    assert all(study.finished for study in studies)
    assert writer.results == {study.id: study.result for study in studies}
    assert sorted(writer.individuals) == [(s, g, i) for s in SPECS for g in range(2) for i in range(5)]
    completed = {key: record for key, record in writer.individuals.items() if record.status is Status.COMPLETED}
    assert {(g, record.steps) for (_, g, _), record in completed.items()} == {(0, 10), (1, 20)}
    assert all(math.isfinite(r.fitness) == (key in completed) for key, r in writer.individuals.items())
    assert {key[0] for key in completed} == set(SPECS)
    assert len(callback.reports) == 3 + 2 * 3
    assert all(report.finished for report in callback.reports[-1:])
    assert callback.notices == ["Searching in this process (0 workers)."]
    assert [(a.num_workers, a.num_busy, a.num_individuals) for a in callback.activities] == [(1, 1, 5)] * 6


class Crowded(Rosenbrock):
    """A task of two individuals at most together, on which every other training exhausts the memory."""

    max_population = 2
    built = 0

    def loss_and_gradient(self, x):
        if self.too_many:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().loss_and_gradient(x)

    def initial_point(self):
        Crowded.built += 1
        self.too_many = Crowded.built % 2 == 0
        return super().initial_point()


def test_what_does_not_fit_into_memory_does_not_end_the_study(monkeypatch):
    monkeypatch.setattr(Crowded, "built", 0)
    monkeypatch.setattr(session, "warm_up", lambda spec: None)
    writer = MemoryWriter()
    with TASKS.registered("rosenbrock", Crowded):
        study = Study(study_record(SPECS[1]))
        run_studies([study], writer, RecordingCallback(), HERE)
    assert study.finished
    statuses = [record.status is Status.COMPLETED for _, record in sorted(writer.individuals.items())]
    assert statuses == [True, True, True, False, True, True, False, True, True, False]
    reasons = {record.reason for record in writer.individuals.values() if record.status is Status.FAILED}
    assert reasons == {"OutOfMemoryError: CUDA out of memory."}


def test_a_generation_by_hand():
    """The mean is that of the better two of five, which are ranked by training them here again."""
    study = Study(study_record(SPECS[1]))
    losses, rates = [], []
    for shard in shards_of(study):
        losses += [outcome.curve.losses[9] for outcome in train(shard.training)]
        rates += [individual.hyperparameters["learning_rate"] for individual in shard.training.individuals]
    better = sorted(range(5), key=lambda i: losses[i])[:2]
    writer = MemoryWriter()
    run_studies([Study(study_record(SPECS[1]))], writer, RecordingCallback(), HERE)
    assert writer.generations[1, 0].mean == pytest.approx(defaults("momentum"))
    expected = math.sqrt(rates[better[0]] * rates[better[1]])
    assert writer.generations[1, 1].mean["learning_rate"] == pytest.approx(expected, rel=1e-12)


def test_running_again_gives_the_same_results():
    one, other = MemoryWriter(), MemoryWriter()
    for writer in (one, other):
        run_studies(new_studies(), writer, RecordingCallback(), HERE)
    assert one.results == other.results
    assert one.generations == other.generations


def untimed(record):
    return [replace(individual, seconds=0) for individual in plain(record.individuals)]


class Stopping(RecordingCallback):
    """A callback that presses Ctrl-C after so many shards."""

    def __init__(self, shards):
        super().__init__()
        self.left = shards + len(SPECS)

    def progress(self, progress):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("shards", [0, 1, 3, 4])
def test_an_interrupted_search_is_continued_to_the_same_results(shards):
    whole, stopped = MemoryWriter(), MemoryWriter()
    run_studies(new_studies(), whole, RecordingCallback(), HERE)
    with pytest.raises(KeyboardInterrupt):
        run_studies(new_studies(), stopped, Stopping(shards), HERE)
    assert 0 < len(stopped.individuals) < len(whole.individuals)
    run_studies(restored(stopped), stopped, RecordingCallback(), HERE)
    assert stopped.results == whole.results
    for number, spec in SPECS.items():
        assert untimed(stopped.record(number, spec)) == untimed(whole.record(number, spec))


def test_an_interrupt_amid_a_shard_keeps_the_shards_before_it(monkeypatch):
    writer, calls = MemoryWriter(), []

    def interrupted(shard):
        calls.append(shard)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(shard)

    monkeypatch.setattr(inline, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_studies(new_studies(), writer, RecordingCallback(), HERE)
    assert sorted(writer.individuals) == [(study, 0, i) for study in (1, 2) for i in range(5)]


@pytest.mark.parametrize("workers", [0, 1, None])
def test_finished_studies_are_left_alone(monkeypatch, workers):
    writer = MemoryWriter()
    run_studies(new_studies(), writer, RecordingCallback(), HERE)
    monkeypatch.setattr(inline, "evaluate", lambda shard: pytest.fail("was trained again"))
    monkeypatch.setattr(driver, "run_in_processes", lambda *_: pytest.fail("workers were started"))
    before = dict(writer.individuals), dict(writer.generations), dict(writer.results)
    callback = RecordingCallback()
    run_studies(restored(writer), writer, callback, Cluster(workers=workers))
    assert (writer.individuals, writer.generations, writer.results) == before
    assert [report.finished for report in callback.reports] == [True] * 3


@pytest.mark.parametrize(
    ("cluster", "workers", "notice"),
    [
        (
            Cluster(),
            6,
            "Searching with up to 6 worker processes on this machine (no GPUs or cluster needed).",
        ),
        (Cluster(workers=1), 1, "Searching with up to 1 worker process on this machine"),
        (Cluster(workers=3, choice="processes"), 3, "3 worker processes on this machine (as requested)."),
    ],
)
def test_workers_are_processes_of_this_machine(monkeypatch, cluster, workers, notice):
    asked, warm, callback = [], [], RecordingCallback()
    monkeypatch.setattr(driver, "available_cpus", lambda: 6)
    monkeypatch.setattr(driver, "warm_up", lambda training: warm.append(training.optimizer.name))
    monkeypatch.setattr(inline, "evaluate", lambda shard: pytest.fail("was trained here"))
    monkeypatch.setattr(driver, "run_in_processes", lambda coordinator, workers: asked.append((coordinator, workers)))
    run_studies(new_studies(), MemoryWriter(), callback, cluster)
    ((coordinator, count),) = asked
    assert (count, coordinator.num_pending) == (workers, 15)
    assert 0 < coordinator.shard_overhead < 0.1
    assert notice in callback.notices[0]
    assert warm == ["momentum", "lodo", "adam"]


class Enormous(Rosenbrock):
    """A task that asks for more memory than there is."""

    def loss_and_gradient(self, x):
        raise MemoryError("2 TB")


def test_a_failure_is_stored_with_its_reason_and_the_search_goes_on():
    writer, callback = MemoryWriter(), RecordingCallback()
    with TASKS.registered("rosenbrock", Enormous):
        run_studies([Study(study_record(SPECS[1]))], writer, callback, HERE)
    assert {(r.status, r.reason) for r in writer.individuals.values()} == {(Status.FAILED, "MemoryError: 2 TB")}
    assert len(writer.individuals) == 10
    failures = [notice for notice in callback.notices if "MemoryError" in notice]
    assert failures == [f"Failed on {platform.node()}: MemoryError: 2 TB"]
    assert len([notice for notice in callback.notices if "no individual of generation" in notice]) == 2
    assert callback.reports[-1].failed == 10
    assert writer.results[1].values == pytest.approx(defaults("momentum"), rel=1e-12)


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = study_spec(schedule=TINY, device="cuda")
    with pytest.raises(UsageError, match=r"cuda|GPU"):
        run_studies(
            [Study(study_record(spec))], MemoryWriter(), RecordingCallback(), Cluster(workers=0, gpus_per_worker=1)
        )

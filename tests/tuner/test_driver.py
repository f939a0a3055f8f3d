"""Studies that run in this process, with real training."""

import math
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import GenerationPlan, Schedule
from lodo_bench.spec.training import TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.rosenbrock import Rosenbrock
from lodo_bench.training.loop import train
from lodo_bench.tuner import driver
from lodo_bench.tuner.driver import Cluster, run_studies, shard_size
from lodo_bench.tuner.study import Study
from lodo_bench.tuner.worker import evaluate
from tests.helpers import defaults
from tests.tuner.helpers import MemoryWriter, RecordingCallback, plain, study_record, study_spec

HERE = Cluster(workers=0)
TINY = Schedule("tiny", 5, (GenerationPlan(1.0, 10), GenerationPlan(0.5, 20)))
SPECS = {
    1: study_spec("momentum", schedule=TINY, shard_size=2),
    2: study_spec("lodo", schedule=TINY, shard_size=2),
    3: study_spec("adam", schedule=TINY, shard_size=8, task=TaskSpec("quadratic", {"dimension": 10})),
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
    assert len(callback.reports) == 3 + 2 * (3 + 3 + 1)
    assert all(report.finished for report in callback.reports[-1:])
    assert callback.notices == []


class Crowded(Rosenbrock):
    """A task on which every other shard exhausts the memory."""

    built = 0

    def loss_and_gradient(self, x):
        if self.too_many:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().loss_and_gradient(x)

    def initial_point(self):
        # A shard that fits is built twice, once to warm up; one that does not, once.
        Crowded.built += 1
        self.too_many = Crowded.built % 3 == 0
        return super().initial_point()


def test_what_does_not_fit_into_memory_does_not_end_the_study(monkeypatch):
    monkeypatch.setattr(Crowded, "built", 0)
    writer = MemoryWriter()
    study = Study(study_record(SPECS[1]))
    with TASKS.registered("rosenbrock", Crowded):
        run_studies([study], writer, RecordingCallback(), HERE)
    assert study.finished
    statuses = [record.status is Status.COMPLETED for _, record in sorted(writer.individuals.items())]
    assert statuses == [True, True, False, False, True, False, False, True, True, False]
    reasons = {record.reason for record in writer.individuals.values() if record.status is Status.FAILED}
    assert reasons == {"OutOfMemoryError: CUDA out of memory."}


def test_a_generation_by_hand():
    """The mean is that of the better two of five, which are ranked by training them here again."""
    study = Study(study_record(SPECS[1]))
    losses, rates = [], []
    while (shard := study.next_shard()) is not None:
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


@pytest.mark.parametrize("shards", [0, 1, 6, 10])
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

    monkeypatch.setattr(driver, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_studies(new_studies(), writer, RecordingCallback(), HERE)
    assert sorted(writer.individuals) == [(1, 0, i) for i in range(4)]


@pytest.mark.parametrize("workers", [0, 1, None])
def test_finished_studies_are_left_alone(monkeypatch, workers):
    writer = MemoryWriter()
    run_studies(new_studies(), writer, RecordingCallback(), HERE)
    monkeypatch.setattr(driver, "evaluate", lambda shard: pytest.fail("was trained again"))
    before = dict(writer.individuals), dict(writer.generations), dict(writer.results)
    callback = RecordingCallback()
    run_studies(restored(writer), writer, callback, Cluster(workers=workers))
    assert (writer.individuals, writer.generations, writer.results) == before
    assert [report.finished for report in callback.reports] == [True] * 3


@pytest.mark.parametrize("cluster", [Cluster(), Cluster(workers=1), Cluster(address="auto")])
def test_all_else_than_no_workers_is_for_ray(monkeypatch, cluster):
    asked = []
    monkeypatch.setattr(driver, "_run_on_ray", lambda coordinator, cluster: asked.append(cluster))
    monkeypatch.setattr(driver, "evaluate", lambda shard: pytest.fail("was trained here"))
    run_studies(new_studies(), MemoryWriter(), RecordingCallback(), cluster)
    assert asked == [cluster]


@pytest.mark.parametrize(
    ("address", "error", "problem", "remedy"),
    [
        (None, OSError("AF_UNIX path too long"), "Ray cannot start: AF_UNIX", Remedy.SHORTEN_TEMPORARY_DIRECTORY),
        (None, Exception("The current node timed out during startup.\nMore."), "timed out", Remedy.USE_ONE_PROCESS),
        (None, Exception(), "Ray cannot start: Exception", Remedy.USE_ONE_PROCESS),
        ("auto", ConnectionError("no cluster"), "responds at 'auto': no cluster", Remedy.CHOOSE_CLUSTER),
        ("auto", Exception("The current node timed out."), "responds at 'auto': The current", Remedy.CHOOSE_CLUSTER),
    ],
)
def test_a_cluster_that_does_not_start_is_explained(monkeypatch, address, error, problem, remedy):
    def init(**_):
        raise error

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init, shutdown=lambda: None))
    writer = MemoryWriter()
    with pytest.raises(UsageError, match=problem) as caught:
        run_studies(new_studies(), writer, RecordingCallback(), Cluster(workers=None, address=address))
    assert caught.value.remedy is remedy
    assert "\n" not in str(caught.value)
    assert writer.individuals == {}


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
    assert len(callback.notices) == 2
    assert callback.reports[-1].failed == 10
    assert writer.results[1].values == pytest.approx(defaults("momentum"), rel=1e-12)


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = study_spec(schedule=TINY, device="cuda")
    with pytest.raises(UsageError, match=r"cuda|GPU"):
        run_studies(
            [Study(study_record(spec))], MemoryWriter(), RecordingCallback(), Cluster(workers=0, gpus_per_worker=1)
        )


@pytest.mark.parametrize(
    ("cluster", "problem"),
    [
        ({"workers": 0, "address": "auto"}, "cannot use the Ray cluster at 'auto'"),
        ({"workers": 0, "gpus_per_worker": 2.0}, "one GPU at most, not 2"),
    ],
)
def test_this_process_is_no_cluster(cluster, problem):
    with pytest.raises(UsageError, match=problem):
        Cluster(**cluster)


@pytest.mark.parametrize("task", TASKS.names)
@pytest.mark.parametrize(("limit", "size"), [(None, 8), (1, 1), (3, 3), (8, 8), (20, 8)])
def test_a_shard_is_of_eight_or_as_many_as_the_task_can_train(monkeypatch, task, limit, size):
    monkeypatch.setattr(TASKS.load(task), "max_population", limit)
    assert shard_size(task) == size

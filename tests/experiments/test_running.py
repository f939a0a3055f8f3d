"""Missing work is done, stored results are reused, and scales are not mixed."""

import json
import math

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.experiments.directory import Directory, Invocation
from lodo_bench.experiments.estimate import WorkItem, duration_of, missing_work
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.experiments.plan import ExecutionConfig
from lodo_bench.experiments.reproduce import reproduce
from lodo_bench.experiments.section import Section
from lodo_bench.runs.parallel import Job, execute_all
from lodo_bench.tuner.cluster import Cluster
from tests.experiments.helpers import HERE, Silent, do, open_store, page, plan_of

SMALL = """title: Small
task: quadratic
options: {dimension: 6}
optimizers: [adam, momentum]
tuning: {schedule: smoke}
runs: [{seeds: 2, steps: 40}, {seeds: 1, steps: 5, seconds: 0.01, timed: true}]
output: [comparison]
scales:
  smoke: {runs: [{seeds: 3, steps: 40}]}
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "results.db")


class Stops(Silent):
    """Interrupts at the first timed run."""

    def running(self, spec):
        if spec.timed:
            raise KeyboardInterrupt
        return super().running(spec)


def test_a_second_time_nothing_is_done(small, store):
    first = do(small, "paper", store)
    reporter = Silent()
    second = do(small, "paper", store, reporter)
    assert [record.id for record in second.run_sets] == [record.id for record in first.run_sets]
    assert second.run_sets == first.run_sets
    assert (reporter.timed, reporter.notices) == ([], [])
    assert len(store.studies()) == 2 and len(store.run_sets()) == 4


def test_what_was_interrupted_is_gone_on_with(small, store):
    with pytest.raises(KeyboardInterrupt):
        do(small, "paper", store, Stops())
    kept = [record for record in store.run_sets() if record.runs]
    assert len(kept) == 2
    reporter = Silent()
    done = do(small, "paper", store, reporter)
    assert all(spec.timed for spec in reporter.timed)
    assert not any(record.missing_seeds for record in done.run_sets)
    assert {record.id for record in kept} <= {record.id for record in done.run_sets}


def test_scales_do_not_mix(small, store, tmp_path):
    paper, smoke = do(small, "paper", store), do(small, "smoke", store)
    assert {study.id for study in paper.studies} == {study.id for study in smoke.studies}
    assert not {record.id for record in paper.run_sets} & {record.id for record in smoke.run_sets}
    assert "0 of 2" in page(paper, tmp_path / "paper")[0]
    text, _ = page(smoke, tmp_path / "smoke")
    assert "0 of 3" in text and "0 of 2" not in text


def test_a_directory_is_of_one_experiment_at_one_scale(small, tmp_path):
    place = str(tmp_path / "out")
    Directory(place, load_experiment(str(small), "paper")).add(Invocation("lodo-bench reproduce", "now", 1.0, True))
    with pytest.raises(UsageError, match=r"holds the results of small at scale paper.*Choose another output"):
        Directory(place, load_experiment(str(small), "smoke"))
    Directory(place, load_experiment(str(small), "paper"))


def test_the_history_of_a_former_version_is_continued(small, tmp_path):
    experiment, out = load_experiment(str(small), "paper"), tmp_path / "out"
    out.mkdir()
    former = {"command": "lodo-bench reproduce", "started": "then", "seconds": 2.0, "finished": False}
    (out / "made.json").write_text(json.dumps({"experiment": "small", "scale": "paper", "made": [former]}))
    directory = Directory(str(out), experiment)
    with directory.recorded("lodo-bench reproduce"):
        pass
    history = json.loads((out / "history.json").read_text())
    assert history["invocations"][0] == former
    assert [each["finished"] for each in history["invocations"]] == [False, True]
    assert not (out / "made.json").exists()
    (page,) = Directory(str(out), experiment).write([], [])
    assert "in 2 invocations, 1 interrupted and resumed." in page.read_text("utf-8")


def test_pictures_of_one_name_do_not_overwrite_each_other(small, tmp_path):
    pieces = [
        Section(write_png=lambda file, content=content: file.write(content), name=name, caption=name)
        for name, content in (("search", b"1"), ("curves", b"2"), ("search", b"3"), ("search", b"4"))
    ]
    directory = Directory(str(tmp_path / "out"), load_experiment(str(small), "paper"))
    for _ in range(2):  # the second time in place of the first
        page, *pictures = directory.write(pieces, [])
        assert {path.name: path.read_bytes() for path in pictures} == {
            "search.png": b"1",
            "curves.png": b"2",
            "search-2.png": b"3",
            "search-3.png": b"4",
        }
        assert all(f"]({path.name})" in page.read_text("utf-8") for path in pictures)


def test_a_table_has_the_longest_steps_and_every_time(small, store, tmp_path):
    text, _ = page(do(small, "paper", store), tmp_path / "out")
    assert "loss at 40 steps" in text and "loss at 0.01 s" in text
    assert "loss at 5 steps" not in text


def test_the_dry_run_tells_what_is_missing(small, store):
    plan = plan_of(small, "paper")
    items = missing_work(plan, None)
    assert [item.phase for item in items] == ["tune", "tune", "run", "run", "time", "time"]
    assert all(item.seconds > 0 and item.basis == "measured" for item in items)
    two = ExecutionConfig("cpu", "torch", Cluster(workers=2))
    assert 0 < duration_of(items, two) < duration_of(items, HERE)
    do(small, "paper", store)
    assert missing_work(plan, store) == []
    after = missing_work(plan_of(small, "smoke"), store)
    assert [item.phase for item in after] == ["run", "run"]


def test_two_processes_do_not_share_an_untimed_run():
    two = ExecutionConfig("cpu", "torch", Cluster(workers=2))
    items = [
        WorkItem(phase, "", "", seconds, "measured")
        for phase, seconds in (("tune", 30), ("tune", 6), ("run", 20), ("run", 4), ("time", 5), ("time", math.nan))
    ]
    assert duration_of(items, two) == 18 + 20 + 5
    assert duration_of(items, HERE) == 36 + 24 + 5


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("{over: momentum, values: [0, 0.5]}", ["momentum=0", "momentum=0.5"]),
        ("{over: momentum, decay_grid: 2}", ["momentum 1 of 2", "momentum 2 of 2"]),
    ],
)
def test_the_dry_run_tells_places_of_a_sweep_apart(sweep, expected, small):
    small.write_text(SMALL.replace("adam, momentum", "lodo").partition("scales:")[0] + f"sweep: {sweep}\n")
    items = missing_work(plan_of(small, "paper"), None)
    found = [item.label for item in items if item.phase == "run"]
    assert found == [f"lodo, {place} on quadratic (dimension=6)" for place in expected]


def test_what_cannot_be_measured_is_unknown(small, store, tmp_path, monkeypatch):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path / "nothing"))
    items = missing_work(plan_of("table2", "smoke"), store)
    assert {item.basis for item in items} == {"unknown"}
    assert math.isnan(duration_of(items, HERE))


def test_data_that_are_missing_are_told_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setenv("LODO_BENCH_DATA", str(tmp_path / "nothing"))
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=r"is missing\. Fetch mnist"):
        reproduce(plan_of("table2", "smoke"), str(out), "", lambda _: open_store(tmp_path / "new.db"), Silent())
    assert not out.exists() and not (tmp_path / "new.db").exists()


def test_several_processes_come_to_the_same_losses(small, store, tmp_path):
    alone = do(small, "smoke", store)
    jobs = [Job(store.open_run_set(record.spec, fresh=True), b"", None) for record in alone.run_sets]
    found = {job.record.spec.optimizer.name: ended for job, ended in execute_all(jobs, 2)}
    for record in alone.run_sets:
        ended = found[record.spec.optimizer.name]
        assert [run.milestones for run, _ in ended] == [run.milestones for run in record.runs]

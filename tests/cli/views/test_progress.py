"""Progress as people read it: searches by individuals, runs with all that is left, and what an interrupt keeps."""

import io
import math

import pytest
from rich.console import Console

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.views import run_progress
from lodo_bench.cli.views.clock_text import clock_text
from lodo_bench.cli.views.run_progress import RunProgress
from lodo_bench.cli.views.time_left import TimeLeft
from lodo_bench.cli.views.tuning_progress import LiveTuning, PlainTuning
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.milestone import Milestone
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.run_set import Hyperparameters, RunRecord, RunSetSpec
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from lodo_bench.training.session import Evaluation, Progress
from lodo_bench.tuner.coordinator import SearchActivity
from lodo_bench.tuner.study import StudyProgress

NAN = math.nan


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def progress(study=1, *, seed=0, optimizer="adam", generation=1, evaluated=0, finished=False):
    return StudyProgress(
        study=study,
        seed=seed,
        optimizer=OptimizerSpec(optimizer),
        population=32,
        evaluated_of_generation=evaluated,
        generation=generation,
        generations=20,
        evaluated=32 * (generation - 1) + evaluated,
        diverged=1,
        failed=0,
        best_fitness=9.81,
        mean={},
        finished=finished,
    )


def activity(*, started=2, left=40.0):
    return SearchActivity(2, started, started, 12, 3.5, left)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def plain(clock):
    return PlainTuning(Console(file=io.StringIO(), width=200), Kept(), clock)


def written(view):
    return view.console.file.getvalue().splitlines()


def test_a_search_says_at_once_that_workers_start(plain):
    plain.progress(progress())
    plain.activity(activity(started=0, left=NAN))
    plain.activity(activity(started=0, left=NAN))
    assert written(plain) == ["Starting 2 workers ..."]


def test_individuals_have_a_line_every_ten_seconds_at_most(plain, clock):
    plain.progress(progress())
    plain.activity(activity(started=0))
    for second in range(1, 31):
        clock.now += 1
        plain.progress(progress(evaluated=second))
        plain.activity(activity())
    assert written(plain)[1:] == [
        f"adam: generation 1 of 20, {n} of 32 individuals evaluated; 0:40 left" for n in (10, 20, 30)
    ]


def test_a_finished_generation_has_a_line_of_its_own(plain):
    plain.progress(progress(evaluated=31))
    plain.progress(progress(generation=2))
    plain.progress(progress(generation=2, evaluated=1))
    assert written(plain) == ["adam: generation 1 of 20, 32 evaluated, 1 diverged, best loss 9.81"]


def test_searches_of_one_optimizer_are_told_apart(plain):
    plain.progress(progress(1, seed=0))
    plain.progress(progress(2, seed=1))
    plain.progress(progress(2, seed=1, generation=2))
    assert written(plain)[0].startswith("adam, search seed 1: generation 1 of 20")


def test_many_searches_are_summed_up(plain, clock):
    for study in range(11):
        plain.progress(progress(study, optimizer=f"adam{study}", evaluated=3))
    plain.activity(activity())
    assert written(plain) == ["11 searches: 33 of 7,040 individuals evaluated; 0:40 left"]


class Shown:
    """Stands for the live display, which keeps what it is given."""

    def update(self, renderable, refresh):
        self.renderable = renderable


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_the_live_table_fits_and_breaks_nothing(columns):
    console, live = Console(file=io.StringIO(), width=columns, force_terminal=True), Shown()
    view = LiveTuning(console, live, Kept())
    view.progress(progress(evaluated=12))
    view.activity(activity(started=0))
    lines = [line.plain for line in live.renderable.renderables]
    assert lines[-1] == "starting 2 workers ..."
    assert max(len(line.rstrip()) for line in lines) <= columns
    assert any("12 of 32" in line for line in lines) and any("1/20" in line for line in lines)


@pytest.mark.parametrize(
    ("individuals", "runs", "partial", "sentence"),
    [
        ({}, {}, None, "Nothing was stored yet."),
        ({3: 0}, {}, None, "Nothing was stored yet."),
        ({3: 12}, {}, None, "12 individuals of study 3 are stored."),
        ({3: 1}, {}, None, "1 individual of study 3 is stored."),
        ({3: 12, 4: 1}, {}, None, "12 individuals of study 3 and 1 individual of study 4 are stored."),
        ({}, {"adam": 1}, None, "1 finished run of adam is stored."),
        ({}, {}, ("seed 2 of lodo", 8000), "seed 2 of lodo up to step 8,000 is stored."),
        (
            {},
            {"adam": 8, "lodo": 2},
            ("seed 2 of lodo", 80),
            "8 finished runs of adam, 2 finished runs of lodo and seed 2 of lodo up to step 80 are stored.",
        ),
    ],
)
def test_an_interrupt_says_what_is_kept(individuals, runs, partial, sentence):
    assert Kept(individuals, runs, partial).sentence() == sentence


def spec(optimizer="adam", *, steps=1000, seeds=4, seconds=None):
    return RunSetSpec(
        task=TaskSpec("quadratic"),
        optimizer=OptimizerSpec(optimizer),
        hyperparameters=Hyperparameters({}, "default", ""),
        steps=steps,
        seconds=seconds,
        num_seeds=seeds,
        timed=True,
        compute=ComputeSpec("cpu", "float64", "torch"),
    )


def test_nothing_is_known_before_the_first_step(clock):
    left = TimeLeft(clock)
    left.plan([spec()])
    left.begin(spec())
    left.start(1, 4)
    assert math.isnan(left.current)
    assert left.num_left == 4


def test_all_seeds_and_all_optimizers_are_counted(clock):
    left = TimeLeft(clock)
    left.plan([spec(), spec("lodo", steps=2000, seeds=2)])
    left.begin(spec())
    left.start(1, 4)
    left.reach(0.0)
    clock.now += 5
    left.reach(0.5)
    assert left.current == 5
    assert left.later == 3 * 10 + 2 * 20  # as long for each step
    clock.now += 5
    left.end()
    assert (left.num_left, left.between_runs) == (5, 70)
    left.start(1, 3)
    assert (left.current, left.later) == (10, 60)


def test_a_resumed_run_is_judged_by_what_it_does_now(clock):
    left = TimeLeft(clock)
    left.begin(spec(seeds=1))
    left.start(1, 1)
    left.reach(0.8)
    clock.now += 3
    left.reach(0.9)
    assert left.current == pytest.approx(3)
    assert left.later == 0


def test_run_sets_that_were_finished_already_do_not_count(clock):
    left = TimeLeft(clock)
    left.plan([spec("adam"), spec("lodo")])
    left.begin(spec("lodo"))
    left.start(1, 4)
    assert left.num_left == 4


def test_a_time_milestone_is_a_lower_bound(clock):
    left = TimeLeft(clock)
    left.plan([spec(), spec("lodo", seeds=2, seconds=300.0)])
    left.begin(spec())
    left.start(4, 4)
    left.reach(0.0)
    clock.now += 4
    left.reach(0.5)
    assert left.later == 600


def test_clocks():
    assert [clock_text(seconds) for seconds in (0, 12.9, 75, 3723)] == ["0:00", "0:12", "1:15", "1:02:03"]


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("label", ["adam", "lodo-global-with-a-name-that-is-longer-than-others"])
def test_the_line_of_a_run_fits(columns, label, clock, monkeypatch):
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
    monkeypatch.setattr(run_progress, "terminal", lambda stderr: console)
    monkeypatch.setattr(run_progress, "_REDRAW_SECONDS", -1.0)
    left, kept = TimeLeft(clock), Kept()
    left.plan([spec(label), spec("other", seeds=2)])
    with RunProgress(spec(label), left, kept) as bar:
        bar.start("seed 2 (3 of 4)", 1, 2)
        bar.progress(Progress(0, 0.0, 1))
        clock.now += 50
        bar.progress(Progress(500, 25.0, 1))
        bar.progress(Progress(500, 25.0, 1, Evaluation(0, 8)))
        bar.progress(Progress(500, 25.0, 1, Evaluation(2, 8)))
        bar.ended(RunRecord(2, Status.COMPLETED, "", 1000, 1000, 50.0, {Milestone("steps", 1000): 9.8054}))
        bar.ended(RunRecord(3, Status.INTERRUPTED, "stopped by the user", 80, 80, 5.0, {}))
    text = console.file.getvalue()
    assert "seed 2 (3 of 4)" in text
    assert "0:50 left, in total 5:50" in text  # one more run of 100 s, and two of another optimizer
    assert "evaluation" in text and "25 %" in text
    assert "…" not in text
    assert "seed 2: completed, loss 9.805 at 1,000 steps, 20 steps/s; 3 runs left, about 2:30" in " ".join(text.split())
    assert kept.runs == {label: 1}
    assert kept.partial == (f"seed 3 of {label}", 80)

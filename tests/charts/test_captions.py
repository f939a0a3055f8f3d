"""Captions name the statistic and the number of seeds."""

import math

import pytest

from lodo_bench.analysis.statistics import summarize
from lodo_bench.charts.captions import (
    curves_caption,
    search_caption,
    seeds_text,
    sweep_caption,
    trajectories_caption,
)
from lodo_bench.charts.curves import aggregate
from lodo_bench.charts.line_styles import line_style_of
from lodo_bench.charts.series import PlotSeries
from lodo_bench.charts.sweeps import SweepLine
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.study import StudyRecord
from tests.builders import generation, individual, study_spec
from tests.charts.test_curves import path


@pytest.mark.parametrize(("counts", "text"), [([8, 8], "8 seeds"), ([3, 8], "3 to 8 seeds"), ([1], "1 seed")])
def test_seeds_are_counted(counts, text):
    assert seeds_text(counts) == text


def line(runs):
    return PlotSeries("adam", line_style_of("adam"), aggregate([path([2.0, 1.0])] * runs))


def test_curves_are_medians():
    assert curves_caption([line(3), line(1)]).startswith("Line: median over 1 to 3 seeds. Band: lowest to highest.")
    assert curves_caption([line(1)]).startswith("Line: 1 seed.")


def test_points_of_a_sweep_are_means():
    def swept(*losses):
        return [SweepLine("lodo", line_style_of("lodo"), [(1.0, summarize(losses))])]

    assert sweep_caption(swept(1.0, 2.0)) == "Point: mean over 2 seeds. Bar: ± 1 sample standard deviation."
    assert sweep_caption(swept(1.0, math.nan)).endswith("Diverged runs are excluded.")


def test_a_search_says_how_many_are_above_its_fitness_axis():
    def caption(*fitnesses):
        members = [individual(n, fitness=value) for n, value in enumerate(fitnesses)]
        return search_caption(StudyRecord(1, study_spec(), None, (generation(0),), tuple(members)))

    assert caption(1.0, 2.0, 3.0) == "3 individuals, each trained once; search seed 0."
    assert caption(1.0, 2.0, 3.0, 1e9).endswith("1 of them is above the fitness axis (▲): up to 1e+09.")
    assert caption(1.0, 2.0, 3.0, 1e9, 1e12).endswith("2 of them are above the fitness axis (▲): up to 1e+12.")
    broken = individual(3, fitness=math.inf, status=Status.DIVERGED)
    study = StudyRecord(1, study_spec(), None, (generation(0),), (individual(0), broken))
    assert "above" not in search_caption(study)


def test_trajectories_are_single_runs():
    assert trajectories_caption([0, 0]) == "One run of each optimizer, seed 0."
    assert trajectories_caption([8, 0]) == "One run of each optimizer, seeds 0, 8."

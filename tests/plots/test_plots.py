"""Every kind of figure in every format, of ordinary and of odd values."""

import io
import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.markers import CARETDOWN, CARETLEFT, CARETRIGHT, CARETUP

from lodo_bench.analysis.statistics import Summary, summarize
from lodo_bench.charts.curves import aggregate
from lodo_bench.charts.groups import result_groups
from lodo_bench.charts.line_styles import line_style_of
from lodo_bench.charts.rows import CurveChart, loss_rows, row_of
from lodo_bench.charts.series import PlotSeries
from lodo_bench.charts.sweeps import SweepLine
from lodo_bench.plots.curves import curve_figure
from lodo_bench.plots.profile import ProfileLine, profile_figure
from lodo_bench.plots.search import search_figure
from lodo_bench.plots.style import FORMATS, save, tick
from lodo_bench.plots.sweep import sweep_figure
from lodo_bench.plots.trajectories import Trajectory, trajectory_figure
from lodo_bench.spec.outcome import Curve, Status
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import LossBound, TaskSpec, Tuned
from tests.builders import generation, individual, run, run_set, study_spec
from tests.charts.test_curves import diverged, path

NAN, INF = math.nan, math.inf
BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
KINDS = {"learning_rate": "rate", "beta1": "decay"}


def drawn(name, *paths, label=None):
    return PlotSeries(label or name, line_style_of(name), aggregate(paths))


def curves(*lines, bound=None):
    return curve_figure("Learning curves", [row_of("training loss", [CurveChart("steps", lines)], bound=bound)])


def study(*individuals, **changes):
    generations = (generation(0), generation(1, sigma=0.5))
    members = individuals or (
        individual(0),
        individual(1, generation=1, hyperparameters={"learning_rate": 2, "beta1": 0}),
    )
    record = StudyRecord(7, study_spec(), Tuned({"learning_rate": 0.2, "beta1": 0.7}), generations, members)
    return replace(record, **changes)


def ordinary_curves():
    return curves(drawn("adam", path([3.0, 2.0, 1.0]), path([3.0, 1.0, 0.5])), drawn("lodo", diverged([1.0, NAN])))


def traced(paths, loss, minimizers=()):
    return trajectory_figure("Trajectories", paths, loss, np.array(minimizers).reshape(-1, 2), "One run, seed 0.")


def searched(studies, kinds):
    return search_figure(studies, kinds, "8 individuals.")


def profiled(*lines):
    return profile_figure("Profile", lines, "Share over the seeds of 1 task.")


def ordinary_trajectories():
    points = np.array([[-0.5, 2.0], [0.0, 1.0], [1.0, 1.0]])
    broken = np.array([[-0.5, 2.0], [1e5, 1e9], [NAN, NAN]])
    paths = [Trajectory(name, line_style_of(name), found) for name, found in (("adam", points), ("yogi", broken))]
    return traced(paths, lambda p: 0.01 * (1 - p[:, 0]) ** 2 + (p[:, 1] - p[:, 0] ** 2) ** 2, [[1.0, 1.0]])


def ordinary_sweep():
    points = [(0.0, summarize([1.0, 2.0])), (0.5, summarize([1.0, NAN])), (0.9, summarize([NAN]))]
    return sweep_figure("Sweep", "momentum", "loss", [SweepLine("lodo", line_style_of("lodo"), points)])


def ordinary_profile():
    factors = np.array([1.0, 2.0, 10.0])
    return profiled(ProfileLine("adam", line_style_of("adam"), factors, np.array([0.2, 0.5, 1.0])))


FIGURES = {
    "curves": ordinary_curves,
    "trajectories": ordinary_trajectories,
    "search": lambda: searched([study()], [KINDS]),
    "sweep": ordinary_sweep,
    "profile": ordinary_profile,
}


def written(figure, kind="svg"):
    file = io.BytesIO()
    save(figure, file, kind)
    return file.getvalue()


def texts(figure):
    """All text in a figure, in its axes and legends."""
    figure.canvas.draw()
    return {found.get_text() for found in figure.findobj(mpl.text.Text) if found.get_text()}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written_in_every_format_and_always_the_same(name, kind):
    first, second = written(FIGURES[name](), kind), written(FIGURES[name](), kind)
    assert first.startswith(BEGINNINGS[kind])
    assert len(first) > 1000
    assert first == second


def test_figures_leave_the_settings_of_matplotlib_alone():
    before = dict(mpl.rcParams)
    written(ordinary_curves())
    assert dict(mpl.rcParams) == before


def test_the_settings_of_matplotlib_leave_figures_alone():
    expected = written(ordinary_curves())
    with mpl.rc_context({"axes.grid": False, "font.size": 30}):
        assert written(ordinary_curves()) == expected


def test_a_figure_says_what_is_on_it():
    found = texts(curves(drawn("adam", path([3.0, 2.0]), path([1.0, 1.0])), bound=LossBound("Newton", 0.5)))
    assert {"Learning curves", "steps", "training loss", "adam", "lowest to highest run", "Newton (bound)"} <= found
    assert "a run diverged" not in found
    assert "a run diverged" in texts(ordinary_curves())


def test_a_line_is_drawn_as_its_optimizer_is_everywhere():
    axes = ordinary_curves().axes[0]
    colors = {line.get_color() for line in axes.lines}
    assert line_style_of("adam").color.light in colors
    assert all(line.get_xdata()[0] >= 1 for line in axes.lines)


def test_a_name_with_a_dollar_is_no_formula():
    assert r"a\$b\$" in texts(curves(drawn("adam", path([1.0, 2.0]), label="a$b$")))


@pytest.mark.parametrize(
    "lines",
    [
        [drawn("adam", path([1.0]))],
        [drawn("adam", path([0.0, 0.0]))],
        [drawn("adam", path([1.0, 0.0, 0.0]))],
        [drawn("adam", path([-1.0, 2.0, 3.0]))],
        [drawn("adam", path([2.0] * 5))],
        [drawn("adam", path([1e-300, 1e300]))],
        [drawn("adam", diverged([NAN]), diverged([INF]))],
        [drawn("adam", diverged([1.0, 1e30, INF])), drawn("yogi", path([1.0, 0.5, 0.2]))],
        [drawn("adam", diverged([1.0, 1e300, INF]))],
    ],
    ids=range(9),
)
def test_odd_curves_are_drawn(lines):
    figure = curves(*lines)
    assert written(figure, "png")
    low, high = figure.axes[0].get_ylim()
    assert math.isfinite(low) and math.isfinite(high) and low < high


def test_a_run_that_diverged_does_not_set_the_height():
    figure = curves(drawn("adam", diverged([1.0, 1e30, INF])), drawn("yogi", path([1.0, 0.5, 0.2])))
    high = figure.axes[0].get_ylim()[1]
    assert high < 2
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [line.get_ydata().tolist() for line in crosses] == [[high]]


BEYOND = [drawn("bfgs", path([10.0, 1e3, 5.67e5])), drawn("adam", path([10.0, 30.0, 7.0]))]


def test_a_line_that_grows_beyond_bounds_does_not_set_the_height_and_the_legend_says_so():
    figure = curves(*BEYOND)
    assert figure.axes[0].get_ylim()[1] < 35
    assert {"bfgs is clipped at the top:\nup to 5.7e+05", "adam"} <= texts(figure)


def test_so_it_is_on_a_linear_axis():
    figure = curves(drawn("bfgs", path([10.0, 1e3, 5.67e5])), drawn("adam", path([10.0, 11.0])))
    assert (figure.axes[0].get_yscale(), figure.axes[0].get_ylim()[1]) == ("linear", 11.05)


def test_a_panel_may_be_about_the_growth():
    figure = curve_figure("Frozen", [row_of("training loss", [CurveChart("steps", BEYOND)], clip=False)])
    assert figure.axes[0].get_ylim()[1] > 5e5
    assert "bfgs" in texts(figure)


def edge_marks(axes):
    """The triangles at the edges of the axes, in units of the axes: (x, y, marker)."""
    carets = (CARETUP, CARETDOWN, CARETLEFT, CARETRIGHT)
    lines = [line for line in axes.lines if line.get_marker() in carets]
    return [(*place, line.get_marker()) for line in lines for place in line.get_xydata().tolist()]


def test_a_line_that_leaves_the_axes_has_a_mark_at_the_edge():
    (mark,) = edge_marks(curves(*BEYOND).axes[0])
    assert 0 < mark[0] < 1 and mark[1:] == (1, CARETUP)
    assert "outside of the axes" in texts(curves(*BEYOND))
    steady = curves(drawn("adam", path([3.0, 2.0])))
    assert edge_marks(steady.axes[0]) == []
    assert "outside of the axes" not in texts(steady)


def test_zero_on_a_log_axis_is_marked_at_its_lower_edge():
    (mark,) = edge_marks(curves(drawn("adam", path([1.0, 0.1, 0.0]))).axes[0])
    assert mark[1:] == (0, CARETDOWN)


def test_a_band_that_leaves_the_axes_alone_has_an_open_mark():
    figure = curves(drawn("bfgs", path([10.0, 5.0, 4.0]), path([10.0, 6.0, 5.0]), path([10.0, 1e3, 1e6])), BEYOND[1])
    (line,) = [line for line in figure.axes[0].lines if line.get_marker() == CARETUP]
    assert line.get_markerfacecolor() == "white"


def test_charts_of_a_row_share_their_axis_and_differences_to_the_bound_are_below():
    class Stored:
        def curves(self, run_set, seeds):
            losses = np.array([12.0, 10.0, 8.0, 6.5] if run_set == 1 else [12.0, 9.0, 7.5, 7.25])
            return dict.fromkeys(seeds, Curve(losses, np.array([0, 4]), np.array([0.0, 1.0])))

    sets = [run_set(run(0), id=1), run_set(run(0), optimizer="lodo", id=2)]
    rows = loss_rows(result_groups(sets), Stored(), TaskSpec("quadratic"), LossBound("Newton", 7.0))
    figure = curve_figure("Learning curves", rows)
    steps, seconds, minus, _ = figure.axes
    assert steps.get_ylim() == seconds.get_ylim()
    assert minus.get_ylabel() == "loss − bound" and minus.get_yscale() == "log"
    assert [mark[1:] for mark in edge_marks(minus)] == [(0, CARETDOWN)]
    adam, lodo = (line.get_ydata().tolist() for line in minus.lines if len(line.get_xdata()) == 4)
    assert (adam[:3], math.isnan(adam[3]), lodo) == ([5, 3, 1], True, [5, 2, 0.5, 0.25])
    (note,) = [text.replace("\n", " ") for text in texts(figure) if text.startswith("Line: 1 seed.")]
    assert "Loss minus the bound (Newton, 7)" in note


def test_a_line_without_a_point_is_told_in_the_legend():
    figure = curves(drawn("adam", path([2.0, 1.0])), drawn("lodo", diverged([NAN])))
    assert "lodo: every run diverged at once" in texts(figure)


def test_losses_of_a_wide_range_are_on_a_log_axis():
    assert curves(drawn("adam", path([100.0, 1.0]))).axes[0].get_yscale() == "log"
    assert curves(drawn("adam", path([1.01, 1.0]))).axes[0].get_yscale() == "linear"
    assert curves(drawn("adam", path([-1.0, 100.0]))).axes[0].get_yscale() == "linear"


def test_a_search_shows_every_individual():
    broken = individual(1, fitness=NAN, status=Status.DIVERGED)
    figure = searched([study(individual(0), broken)], [KINDS])
    fitness, rate, decay = figure.axes
    assert (rate.get_ylabel(), decay.get_ylabel(), decay.get_yscale()) == ("learning rate", "beta1", "logit")
    for axes in (fitness, rate, decay):
        dots = [line for line in axes.lines if line.get_marker() == "o" and line.get_markersize() < 5]
        crosses = [line for line in axes.lines if line.get_marker() == "x"]
        assert [len(line.get_xdata()) for line in dots] == [1]
        assert [len(line.get_xdata()) for line in crosses] == [1]


def test_a_fitness_that_would_compress_the_others_is_marked_at_the_upper_edge():
    members = [individual(n, fitness=value) for n, value in enumerate([1.0, 2.0, 3.0, 1e9, NAN])]
    axes = searched([study(*members)], [KINDS]).axes[0]
    assert axes.get_ylim()[1] < 4
    assert [mark[1:] for mark in edge_marks(axes)] == [(1, CARETUP)]


def test_a_band_of_a_search_is_within_its_axes():
    low, high = searched([study()], [KINDS]).axes[1].get_ylim()
    assert low < 0.001 / math.exp(3) and high > 0.001 * math.exp(3)


def test_a_decay_of_zero_is_marked_at_the_lower_edge():
    members = [individual(0), individual(1, hyperparameters={"learning_rate": 0.1, "beta1": 0.0})]
    assert [mark[1:] for mark in edge_marks(searched([study(*members)], [KINDS]).axes[2])] == [(0, CARETDOWN)]


@pytest.mark.parametrize(
    "record",
    [
        study(result=None),
        study(individual(0, fitness=NAN)),
        study(individual(0, hyperparameters={"learning_rate": 1e-300, "beta1": 0.0})),
        study(individual(0, hyperparameters={"learning_rate": 1e300, "beta1": math.nextafter(1, 0)})),
        study(individuals=()),
        study(generations=(generation(0),), individuals=()),
    ],
    ids=range(6),
)
def test_odd_searches_are_drawn(record):
    assert written(searched([record], [KINDS]), "png")


def test_searches_of_different_optimizers_are_rows():
    small = study(generations=(generation(0, mean={"learning_rate": 0.1}),), result=Tuned({"learning_rate": 0.1}))
    figure = searched([study(), small], [KINDS, KINDS])
    assert len([axes for axes in figure.axes if axes.axison]) == 5


@pytest.mark.parametrize(
    "points",
    [
        [(1.0, summarize([1.0]))],
        [("adam", summarize([1.0, 2.0])), ("sgd", summarize([3.0, 4.0]))],
        [(4.0, summarize([NAN])), (16.0, summarize([NAN]))],
        [(0.01, Summary(1.0, 5.0, 3, 0)), (100.0, Summary(1e-9, 1e-3, 3, 0))],
        [(1.0, summarize([0.0])), (2.0, summarize([0.0]))],
    ],
    ids=range(5),
)
def test_odd_sweeps_are_drawn(points):
    figure = sweep_figure("Sweep", "x", "loss", [SweepLine("lodo", line_style_of("lodo"), points)])
    assert written(figure, "png")


def test_an_error_bar_that_reaches_zero_on_a_log_axis_is_marked():
    points = [(1.0, Summary(1.0, 5.0, 3, 0)), (100.0, Summary(1e-3, 1e-4, 3, 0))]
    figure = sweep_figure("Sweep", "x", "loss", [SweepLine("lodo", line_style_of("lodo"), points)])
    assert [mark[1:] for mark in edge_marks(figure.axes[0])] == [(0, CARETDOWN)]
    assert "Point: mean over 3 seeds. Bar: ± 1 sample standard deviation." in texts(figure)


def test_words_are_the_ticks_of_a_sweep():
    points = [("adam", summarize([1.0, 2.0])), ("sgd", summarize([3.0, 4.0]))]
    figure = sweep_figure("Sweep", "meta-optimizer", "loss", [SweepLine("lodo", line_style_of("lodo"), points)])
    assert {"adam", "sgd"} <= texts(figure)


@pytest.mark.parametrize("factors", [[1.0], [1.0, INF], [], [1.0, 1e300]])
def test_odd_profiles_are_drawn(factors):
    shares = np.linspace(0, 1, len(factors))
    figure = profiled(ProfileLine("adam", line_style_of("adam"), np.array(factors), shares))
    assert written(figure, "png")


@pytest.mark.parametrize(
    "points", [[[0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [NAN, NAN]], [[1.0, 1.0], [2.0, 1e9]]], ids=range(4)
)
def test_odd_trajectories_are_drawn(points):
    path = Trajectory("adam", line_style_of("adam"), np.array(points))
    assert written(traced([path], lambda p: (p**2).sum(1) - 1), "png")


def test_start_and_end_of_a_trajectory_are_in_the_picture():
    points = np.concatenate([[[-5.0, 20.0]], np.zeros((500, 2)), [[3.0, -4.0]]])
    figure = traced([Trajectory("adam", line_style_of("adam"), points)], lambda p: (p**2).sum(1))
    axes = figure.axes[0]
    assert axes.get_xlim()[0] < -5 and axes.get_xlim()[1] > 3
    assert axes.get_ylim()[0] < -4 and axes.get_ylim()[1] > 20


def minimum(axes):
    (line,) = [line for line in axes.lines if line.get_marker() == "*"]
    return line.get_xydata().tolist()


def test_the_minimum_is_marked_and_the_nearest_one_is_in_the_picture():
    points = np.array([[0.0, 0.0], [0.1, 0.1]])
    found = traced([Trajectory("adam", line_style_of("adam"), points)], lambda p: (p**2).sum(1), [[50, 50], [3, -4]])
    axes = found.axes[0]
    assert minimum(axes) == [[50, 50], [3, -4]]
    assert 3 < axes.get_xlim()[1] < 50 and axes.get_ylim()[0] < -4
    assert "minimum" in texts(found)
    unknown = traced([Trajectory("adam", line_style_of("adam"), points)], lambda p: (p**2).sum(1))
    assert "minimum" not in texts(unknown)


def test_a_trajectory_that_leaves_the_picture_has_a_mark_at_the_edge():
    axes = ordinary_trajectories().axes[1]
    assert [mark[2] for mark in edge_marks(axes)] == [CARETUP]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (1, "1"),
        (5000, "5000"),
        (1e4, "$10^{4}$"),
        (2e-5, "$2·10^{-5}$"),
        (-1e6, "$-1·10^{6}$"),
    ],
)
def test_ticks_are_short(value, text):
    assert tick(value) == text


LONG = (
    "mnist (batch_size=16, validation_samples=4000, test_samples=4000): the training loss at 1,000 steps, by momentum"
)


def long_searched():
    spec = study_spec(task=TaskSpec("mnist", {"batch_size": 16, "validation_samples": 4000, "test_samples": 4000}))
    return searched([study(spec=spec)], [KINDS])


@pytest.mark.parametrize(
    "make",
    [
        lambda: sweep_figure(LONG, "x", "loss", [SweepLine("lodo", line_style_of("lodo"), [(0.5, summarize([1.0]))])]),
        lambda: sweep_figure(LONG.replace(" ", "W"), "x", "loss", []),
        long_searched,
    ],
)
def test_long_titles_stay_within_the_picture(make):
    figure = make()
    figure.draw_without_rendering()
    titles = [figure.get_suptitle() and figure._suptitle, *(axes.title for axes in figure.axes)]
    titles += [axes._left_title for axes in figure.axes]
    shown = [title for title in titles if title and title.get_text()]
    assert shown
    for title in shown:
        extent = title.get_window_extent()
        assert figure.bbox.x0 <= extent.x0 < extent.x1 <= figure.bbox.x1
        assert extent.y1 <= figure.bbox.y1

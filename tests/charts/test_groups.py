"""Which runs make a line, and what it is called."""

import pytest

from lodo_bench.charts.groups import group_labels, result_groups
from lodo_bench.spec.outcome import Status
from lodo_bench.spec.training import OptimizerSpec
from tests.builders import run, run_set, run_set_spec


def labels(*specs):
    return group_labels([run_set_spec(**spec) for spec in specs])


def test_optimizers_are_called_by_their_names():
    layered = OptimizerSpec("lodo", {"layers": 8})
    assert labels({"optimizer": "adam"}, {"optimizer": layered}) == ["adam", "lodo (layers=8)"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            {"source": "tuned"},
            {"source": "paper", "provenance_note": "Table 6"},
            ["tuned", "paper (Table 6)"],
        ),
        ({}, {"dtype": "float32"}, ["cpu, float64, torch", "cpu, float32, torch"]),
        ({"values": {"a": 1.0, "b": 2.0}}, {"values": {"a": 1.0, "b": 3.0}}, ["b=2", "b=3"]),
        ({"values": {"a": 1.0}}, {"values": {"a": 1.0, "b": 3.0}}, ["", "b=3"]),
    ],
)
def test_lines_of_one_optimizer_say_what_tells_them_apart(first, second, expected):
    assert labels(first, second, {"optimizer": "yogi"}) == [*(f"adam, {e}" if e else "adam" for e in expected), "yogi"]


def test_only_those_that_need_it_are_told_apart():
    found = labels({"source": "paper", "provenance_note": ""}, {"values": {"a": 1.0}}, {"values": {"a": 2.0}})
    assert found == ["adam, paper", "adam, tuned, a=1", "adam, tuned, a=2"]


def test_lines_of_a_sweep_say_where_they_are_in_it():
    sets = [{"values": {"a": 1.0, "b": b}, "source": "given", "provenance_note": "the rest tuned"} for b in (0.0, 0.5)]
    tuned = {"values": {"a": 1.0, "b": 0.9}}
    assert labels(*sets, tuned) == ["adam, b=0", "adam, b=0.5", "adam, b=0.9"]


def test_run_sets_of_the_same_settings_are_one_line():
    (line,) = result_groups([run_set(run(0)), run_set(run(1), steps=300, id=2), run_set(id=3)])
    assert [(member.run_set, member.run.seed) for member in line.members] == [(1, 0), (2, 1)]
    assert line.spec.steps == 300


def test_looks_and_labels_are_all_different():
    lines = result_groups([run_set(run(0)), run_set(run(0), source="paper"), run_set(run(0), optimizer="lodo")])
    assert len({line.label for line in lines}) == len({line.line_style for line in lines}) == 3


def test_by_steps_the_longest_run_of_each_seed_is_shown():
    (line,) = result_groups(
        [
            run_set(run(0, steps=100), run(1, steps=900)),
            run_set(run(0, steps=100), run(1, steps=200), id=2),
        ]
    )
    assert [(m.run_set, m.run.seed) for m in line.longest()] == [(2, 0), (1, 1)]


def test_by_seconds_only_runs_with_a_clock_are_shown():
    untimed = run_set(run(0, steps=900, training_seconds=None), timed=False)
    timed = run_set(run(0, training_seconds=5.0), run(1, training_seconds=1.0), id=2)
    (line,) = result_groups([timed, untimed])
    assert [(m.run_set, m.run.seed) for m in line.timed()] == [(2, 0), (2, 1)]
    assert [m.run_set for m in line.longest()] == [1, 2]


@pytest.mark.parametrize("status", [Status.INTERRUPTED, Status.FAILED])
def test_runs_that_did_not_end_are_not_shown(status):
    (line,) = result_groups([run_set(run(0, steps=900, status=status), run(1))])
    assert [m.run.seed for m in line.longest()] == [1]
    assert len(line.members) == 2

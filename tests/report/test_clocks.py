"""Steps per second say what they compare, and methods that know more than the others are marked."""

import csv
import io
from dataclasses import replace

import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.figures.comparisons import compare_run_sets
from lodo_bench.report import csv as flat
from lodo_bench.report import latex
from lodo_bench.report.json import document
from lodo_bench.report.section import build_section
from lodo_bench.spec.facts import Facts
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from tests.builders import run, run_set

COMPILED = run_set(run(0, 1.0), optimizer="adam", backend="numba", id=1)


def section(*run_sets):
    (comparison,) = compare_run_sets(run_sets)
    return build_section(comparison)


def cells(found, title):
    index = [head.title for head in found.table.heads].index(title)
    return {row.cells[0].text: row.cells[index].text for row in found.table.rows if not row.is_bound}


def notes(found, mark):
    return [note.text for note in found.footnotes if note.text.startswith(mark)]


@pytest.mark.parametrize(
    "optimizer",
    [
        "l-bfgs",
        OptimizerSpec("adam", recipe={"weight_decay": 0.1}),
        OptimizerSpec("torch.optim.AdamW"),
        OptimizerSpec("lodo", {"layers": 0}),
        OptimizerSpec("nowhere.to:BeFound"),
    ],
    ids=str,
)
def test_compiled_rows_are_marked_beside_others(optimizer):
    found = section(COMPILED, run_set(run(0, 2.0), optimizer=optimizer, backend="numba", id=2))
    assert sorted(cells(found, "steps/s").values()) == ["100", "100 §"]
    assert cells(found, "steps/s")["adam"] == "100 §"
    (note,) = notes(found, "§")
    assert "one compiled loop" in note
    assert "'lodo-bench run --fair-clock'" in note


@pytest.mark.parametrize(
    "other",
    [
        run_set(run(0, 2.0), optimizer="lodo", backend="numba", id=2),
        run_set(run(0, 2.0, training_seconds=None), optimizer="l-bfgs", backend="numba", timed=False, id=2),
    ],
)
def test_nothing_is_marked_where_all_clocks_are_alike(other):
    found = section(COMPILED, other)
    assert not any("§" in text for text in cells(found, "steps/s").values())
    assert notes(found, "§") == []


def test_on_a_fair_clock_no_row_is_compiled():
    fair = [run_set(run(0), optimizer=name, backend="torch", id=i) for i, name in enumerate(("adam", "lodo", "l-bfgs"))]
    assert notes(section(*fair), "§") == []
    beside = section(COMPILED, *fair[:1])
    assert cells(beside, "steps/s") == {"adam (cpu, float64, numba)": "100 §", "adam (cpu, float64, torch)": "100"}


def test_other_tasks_are_not_compiled():
    sets = [
        run_set(run(0), optimizer=name, backend="numba", task=TaskSpec("rosenbrock")) for name in ("adam", "l-bfgs")
    ]
    assert notes(section(*sets), "§") == []


@pytest.mark.parametrize("name", ["newton", "levenberg-marquardt"])
def test_methods_that_are_told_the_hessian_are_marked(name):
    oracle = run_set(run(0, 0.5), optimizer=name, id=2)
    found = section(COMPILED, oracle)
    assert set(cells(found, "steps/s")) == {"adam (cpu, float64, numba)", f"{name} (cpu, float64, torch) ¶"}
    (note,) = notes(found, "¶")
    assert "told the Hessian of the task" in note
    assert notes(section(COMPILED), "¶") == []


def test_it_is_told_in_data_and_in_latex():
    facts = {"a_b": Facts(told="Hessian"), "c": Facts(is_compiled=True)}
    sets = [
        replace(run_set(run(0, float(i)), optimizer=name, id=i), facts=found)
        for i, (name, found) in enumerate(facts.items())
    ]
    (comparison,) = compare(sets)
    first, second = csv.DictReader(io.StringIO(flat.render([(comparison, None)])))
    assert (first["compiled_loop"], first["told"]) == ("False", "Hessian")
    assert (second["compiled_loop"], second["told"]) == ("True", "")
    rows = document([(comparison, None)])["comparisons"][0]["rows"]
    assert [(row["compiled_loop"], row["told"]) for row in rows] == [(False, "Hessian"), (True, None)]
    text = latex.render(comparison)
    assert r"a\_b \P{}" in text
    assert r"100 \S{}" in text


def test_rows_with_a_schedule_say_why_they_have_no_score():
    cosine = OptimizerSpec("adam", recipe={"schedule": "cosine"})
    (comparison,) = compare_run_sets([run_set(run(0, milestones={}), optimizer=cosine), COMPILED])
    texts = [note.text for note in build_section(comparison).footnotes]
    assert any(
        t.startswith("Scored only where the plan of their learning rates ended: adam (schedule=cosine)") for t in texts
    )

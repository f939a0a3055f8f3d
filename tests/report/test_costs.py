"""The table of costs, and whether budgets were equal."""

import csv
import io
import json
import math

import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.report import csv as flat
from lodo_bench.report import latex, markdown
from lodo_bench.report.json import document
from lodo_bench.report.section import build_section
from lodo_bench.spec.study import GenerationPlan, StudyRecord
from lodo_bench.spec.training import Tuned
from tests.analysis.helpers import seeds
from tests.builders import generation, individual, run, run_set, schedule, study_spec

PLANS = (GenerationPlan(3.0, 100), GenerationPlan(0.5, 2000))


def search(number, count=4, plans=PLANS, seed=0):
    """A study of `count` individuals, each of which took 30 s and 100 steps."""
    spec = study_spec(schedule=schedule(generations=plans), seed=seed)
    members = tuple(individual(index, seconds=30.0) for index in range(count))
    return StudyRecord(number, spec, Tuned({"learning_rate": 0.1}), (generation(),), members).summary


def section(*run_sets, studies=()):
    (comparison,) = compare(run_sets, studies)
    return build_section(comparison)


def table(found):
    heads = [head.title for head in found.costs.heads]
    return {
        row.cells[0].text: dict(zip(heads, (cell.text for cell in row.cells), strict=True)) for row in found.costs.rows
    }


def budgets(found):
    return [note.text for note in found.footnotes if "udget" in note.text]


ADAM = run_set(run(0, 1.0, training_seconds=7200.0, steps=12000), study_id=3, id=1)
LODO = run_set(run(0, 2.0, training_seconds=None), study_id=4, id=2, optimizer="lodo", timed=False)


def test_each_row_has_its_cost():
    found = table(section(ADAM, LODO, studies=[search(3), search(4, 8)]))
    assert found["adam"] == {
        "optimizer": "adam",
        "searches": "1",
        "individuals": "4",
        "search steps": "400",
        "tuning time": "2 min",
        "final run time": "2 h",
        "final run steps": "12,000",
    }
    assert (found["lodo"]["individuals"], found["lodo"]["tuning time"]) == ("8", "4 min")
    assert (found["lodo"]["final run time"], found["lodo"]["final run steps"]) == ("–", "200")


def test_a_row_has_the_cost_of_all_its_searches():
    first = run_set(run(0), study_id=3, id=1)
    second = run_set(run(1), study_id=4, id=2)
    found = table(section(first, second, studies=[search(3), search(4, seed=1), search(5)]))
    assert found["adam"]["searches"] == "2"
    assert (found["adam"]["individuals"], found["adam"]["search steps"], found["adam"]["tuning time"]) == (
        "8",
        "800",
        "4 min",
    )


def test_columns_without_content_are_left_out():
    assert list(table(section(run_set(run())))["adam"]) == ["optimizer", "final run time", "final run steps"]
    untimed = table(section(LODO, studies=[search(4)]))["lodo"]
    assert "final run time" not in untimed
    assert untimed["searches"] == "1"


def test_without_any_cost_there_is_no_table():
    found = section(LODO)
    assert found.costs is None
    assert "Cost:" not in markdown.render_section(found)
    assert latex.render_section(found).count(r"\begin{tabular}") == 1


def test_equal_budgets_say_in_what_they_are_equal():
    assert budgets(section(ADAM, LODO, studies=[search(3), search(4)])) == [
        "Equal budget: 4 individuals of 100 to 2,000 steps each."
    ]


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (search(4, 8), "lodo: 8 individuals of 100 to 2,000 steps each."),
        (search(4, plans=(GenerationPlan(1.0, 100),)), "lodo: 4 individuals of 100 steps each."),
        (search(5), "lodo: no search in this database."),
    ],
)
def test_unequal_budgets_say_which_rows_had_which(other, text):
    (found,) = budgets(section(ADAM, LODO, studies=[search(3), other]))
    assert found == f"Unequal budgets: adam: 4 individuals of 100 to 2,000 steps each; {text}"


def test_several_searches_are_a_budget():
    sets = [run_set(run(seed, 1.0), study_id=3 + seed, id=seed) for seed in range(2)]
    (found,) = budgets(section(*sets, LODO, studies=[search(3), search(4), search(5)]))
    assert "adam: 2 searches with 4 individuals of 100 to 2,000 steps each; lodo: 4 individuals" in found


def test_a_row_without_hyperparameters_has_no_budget():
    newton = run_set(run(0, 0.5), optimizer="newton", values={}, source="default", id=3)
    assert budgets(section(ADAM, newton, studies=[search(3)])) == []
    assert budgets(section(ADAM, LODO, newton, studies=[search(3), search(4)]))[0].startswith("Equal budget")


def test_without_searches_there_is_no_budget():
    assert budgets(section(ADAM, LODO)) == []


def test_every_format_has_the_costs():
    (comparison,) = compare([ADAM, LODO], [search(3, seed=7), search(4)])
    assert "\n\nCost:\n\n| optimizer | searches | individuals |" in markdown.render(comparison)
    assert "optimizer & searches & individuals & search steps" in latex.render(comparison)
    line, other = csv.DictReader(io.StringIO(flat.render([(comparison, None)])))
    names = ("searches", "individuals", "search_steps", "tuning_seconds", "training_seconds", "training_steps")
    assert [float(line[name]) for name in names] == [1, 4, 400, 120, 7200, 12000]
    assert (other["training_seconds"], other["training_steps"]) == ("", "200.0")
    row, _ = document([(comparison, None)])["comparisons"][0]["rows"]
    assert row["tunings"] == [{"study": 3, "seed": 7, "individuals": 4, "steps": 400, "seconds": 120.0}]
    assert row["training_steps"]["mean"] == 12000
    json.dumps(row["searches"])


def test_diverged_runs_cost_their_steps():
    broken = seeds("adam", [math.nan] * 2)
    assert table(section(broken))["adam"]["final run steps"] == "200"

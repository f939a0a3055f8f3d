"""Tuned values at the edges of their ranges, in reports and documents of every kind."""

import csv
import io
import json
from dataclasses import replace

import pytest

from lodo_bench.analysis.comparison import compare
from lodo_bench.analysis.documents import run_set_document, study_document
from lodo_bench.analysis.edges import edges_of, edges_of_runs
from lodo_bench.report import csv as csv_report
from lodo_bench.report import json as json_report
from lodo_bench.report import latex, markdown
from lodo_bench.report.formatting import edge_notes, tuned_cell
from lodo_bench.spec.run_set import Hyperparameters
from lodo_bench.spec.space import Argument, Space
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import OptimizerSpec, Tuned
from tests.builders import individual, run, run_set, study_spec

SPACE = Space(
    (
        Argument("lr", "rate", 0.01, (1e-5, 1.0)),
        Argument("betas[0]", "decay", 0.9, (0.5, 0.995)),
        Argument("x", "rate", 1),
    )
)
OPTIMIZER = OptimizerSpec("torch.optim.Thing", space=SPACE.to_json())
AT_EDGE = {"lr": 1.0, "beta1": 0.9, "x": 1.0}
INSIDE = {"lr": 0.1, "beta1": 0.9, "x": 1.0}
NOTE = "at the edge of its range 1e-05 to 1: widen it with a space file"


def study(values, number=1):
    spec = study_spec(optimizer=OPTIMIZER)
    return StudyRecord(number, spec, Tuned(values), (), (individual(),))


def rows(values, studies=(), **changes):
    return compare([run_set(run(), optimizer=OPTIMIZER, values=values, **changes)], studies)


def test_the_edges_by_name():
    assert edges_of(OPTIMIZER, AT_EDGE) == {"lr": (1e-5, 1.0)}
    assert edges_of(OPTIMIZER, {**AT_EDGE, "beta1": 0.5}) == {"lr": (1e-5, 1.0), "beta1": (0.5, 0.995)}
    assert edges_of(OPTIMIZER, INSIDE) == edges_of(OPTIMIZER, None) == {}


def test_an_optimizer_without_a_space_has_no_edges():
    assert edges_of(OptimizerSpec("adam"), {"learning_rate": 1e-300}) == {}


@pytest.mark.parametrize("source", ["paper", "default", "given"])
def test_only_tuned_values_have_edges(source):
    assert edges_of_runs(OPTIMIZER, Hyperparameters(AT_EDGE, source, "")) == {}
    assert edges_of_runs(OPTIMIZER, Hyperparameters(AT_EDGE, "tuned", "")) == {"lr": (1e-5, 1.0)}


def test_a_scaled_rate_is_judged_by_the_value_that_was_tuned():
    halved = Hyperparameters({**AT_EDGE, "lr": 0.5}, "tuned", "lr × 0.5", 1)
    assert edges_of_runs(OPTIMIZER, halved) == {}
    assert edges_of_runs(OPTIMIZER, halved, study(AT_EDGE).summary) == {"lr": (1e-5, 1.0)}
    (comparison,) = rows({**AT_EDGE, "lr": 0.5}, [study(AT_EDGE).summary])
    assert comparison.rows[0].edges == {"lr": (1e-5, 1.0)}


@pytest.mark.parametrize("render", [markdown.render, latex.render])
def test_reports_in_words_have_a_note(render):
    (at_edge,), (inside,) = rows(AT_EDGE), rows(INSIDE)
    assert "at the edge of its range" in render(at_edge)
    assert "edge" not in render(inside)


def test_reports_as_data_have_a_field():
    (at_edge,), (inside,) = rows(AT_EDGE), rows(INSIDE)
    document = json_report.document([(at_edge, None), (inside, None)])
    found = [comparison["rows"][0]["at_edge"] for comparison in document["comparisons"]]
    assert found == [{"lr": (1e-5, 1.0)}, {}]
    lines = list(csv.DictReader(io.StringIO(csv_report.render([(at_edge, None), (inside, None)]))))
    assert [json.loads(line["at_edge"]) for line in lines] == [{"lr": [1e-5, 1.0]}, {}]


def test_documents_of_studies_and_run_sets_have_a_field():
    assert study_document(study(AT_EDGE))["at_edge"] == {"lr": (1e-5, 1.0)}
    assert study_document(replace(study(AT_EDGE), result=None))["at_edge"] == {}
    record = run_set(run(), optimizer=OPTIMIZER, values=AT_EDGE)
    assert run_set_document(record, {0: {}})["at_edge"] == {"lr": (1e-5, 1.0)}


def test_tables_of_tuned_values_mark_the_cell_and_explain_the_mark():
    assert tuned_cell(1.0, {"lr": (1e-5, 1.0)}, "lr", 6) == "1 ‡"
    assert tuned_cell(0.9, {"lr": (1e-5, 1.0)}, "beta1", 6) == "0.9"
    assert edge_notes([(OPTIMIZER, AT_EDGE), (OPTIMIZER, INSIDE)]) == [f"‡ torch.optim.Thing: lr is {NOTE}."]

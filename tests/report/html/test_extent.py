"""A page of a large database draws a part of it, and says so."""

from dataclasses import replace

import pytest

from lodo_bench.charts.groups import result_groups
from lodo_bench.figures.comparisons import load_report_data
from lodo_bench.report.html import extent
from lodo_bench.report.html.assemble import page
from lodo_bench.report.html.extent import drawn_groups, drawn_searches, searches_note
from lodo_bench.spec.study import StudyRecord
from tests.builders import generation, individual, run, run_set, study_spec
from tests.results.filled import fill


def groups(*losses):
    """A group of one run for each loss."""
    return result_groups(
        [
            run_set(run(loss=loss), id=index + 1, source="given", values={"learning_rate": 10.0**-index})
            for index, loss in enumerate(losses)
        ]
    )


def study(number, individuals):
    record = StudyRecord(number, study_spec(), None, (generation(),), (individual(),))
    return replace(record.summary, num_individuals=individuals)


def test_a_few_rows_are_all_drawn_without_a_word():
    found = groups(1.0, 2.0)
    assert drawn_groups(found, 1) == (found, "")


def test_of_many_rows_the_best_are_drawn_in_their_order(monkeypatch):
    monkeypatch.setattr(extent, "MOST_LINES", 2)
    found = groups(3.0, float("nan"), 1.0, 2.0)
    drawn, note = drawn_groups(found, 1)
    assert drawn == [found[2], found[3]]
    assert note.startswith("The curves of 2 rows of 4 are drawn, those with the lowest mean loss.")


@pytest.mark.parametrize(("tasks", "count"), [(1, 4), (2, 2), (4, 1), (100, 1)])
def test_tasks_share_the_runs_and_each_has_a_row(monkeypatch, tasks, count):
    monkeypatch.setattr(extent, "MOST_RUNS", 4)
    assert len(drawn_groups(groups(1.0, 2.0, 3.0, 4.0), tasks)[0]) == count


def test_the_latest_searches_are_drawn_and_one_at_least(monkeypatch):
    monkeypatch.setattr(extent, "MOST_INDIVIDUALS", 100)
    studies = [study(1, 60), study(2, 60), study(3, 40)]
    assert drawn_searches(studies) == {2, 3} and drawn_searches([study(1, 1000)]) == {1}
    assert searches_note(studies, {1, 2, 3}) == ""
    assert searches_note(studies, {2, 3}).startswith("Not drawn: 1 older search of this task.")


def test_the_page_says_what_it_leaves_out_and_its_tables_have_it(tmp_path, monkeypatch):
    store, database = fill(tmp_path / "results.db")
    whole = page(load_report_data(store))
    assert "are drawn" not in whole and "Not drawn" not in whole
    monkeypatch.setattr(extent, "MOST_LINES", 1)
    monkeypatch.setattr(extent, "MOST_INDIVIDUALS", 1)
    part = page(load_report_data(store))
    assert "The curves of 1 row of 4 are drawn" in part and "Not drawn: 1 older search of this task." in part
    assert part.count("<tr") == whole.count("<tr")
    assert len(part) < len(whole)
    database.close()

"""A column of dashes is left out where people read, and kept where programs do."""

import csv
import io

from lodo_bench.report import latex, markdown
from lodo_bench.report.csv import COLUMNS
from lodo_bench.report.csv import render as render_csv
from lodo_bench.report.empty_columns import columns_with_content, without_empty_columns
from lodo_bench.report.formatting import NOTHING
from lodo_bench.report.section import ColumnHead, ReportSection, Table, TableCell, TableRow

TABLE = Table(
    tuple(ColumnHead(title, numeric=title != "name") for title in ("name", "nothing", "some", "blank")),
    tuple(
        TableRow(tuple(map(TableCell, texts))) for texts in ((NOTHING, NOTHING, "1", ""), ("b", NOTHING, NOTHING, ""))
    ),
)


def test_columns_of_dashes_go():
    shown = without_empty_columns(TABLE)
    assert [head.title for head in shown.heads] == ["name", "some"]
    assert [[cell.text for cell in row.cells] for row in shown.rows] == [[NOTHING, "1"], ["b", NOTHING]]


def test_names_and_headers_without_rows_stay():
    assert columns_with_content([[NOTHING, NOTHING]], 2) == [0]
    assert columns_with_content([], 3) == [0, 1, 2]


def test_every_format_for_people_leaves_them_out():
    section = ReportSection("t", TABLE, (), None, (), ())
    for text in (markdown.render_section(section), latex.render_section(section)):
        assert "some" in text
        assert "nothing" not in text and "blank" not in text


def test_data_keep_every_column():
    assert next(csv.reader(io.StringIO(render_csv([])))) == list(COLUMNS)

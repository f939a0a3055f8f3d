"""The documents name every column there is."""

import re
from pathlib import Path

import pytest

from lodo_bench.export.tables import TABLES
from lodo_bench.report.csv import COLUMNS

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", TABLES)
def test_every_exported_column_is_explained(name):
    section = (DOCS / "export.md").read_text("utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    explained = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", section, re.MULTILINE))
    assert explained == {field.name: field.metadata[b"description"].decode() for field in TABLES[name].schema}


def test_every_column_of_a_report_is_explained():
    section = (DOCS / "statistics.md").read_text("utf-8").partition("\n## The report as data\n")[2]
    explained = [
        name for cell in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    ]
    assert tuple(explained) == COLUMNS


def test_the_reference_results_are_those_that_are_there():
    folder = ROOT / "results" / "reference"
    text = (ROOT / "results" / "README.md").read_text("utf-8")
    described = set(re.findall(r"\(reference/([\w-]+)/README\.md\)", text))
    assert described == {place.name for place in folder.iterdir() if place.is_dir()}
    assert all((folder / name / "README.md").is_file() for name in described)
    assert "|" not in text  # tables are in the results alone, beside what made them

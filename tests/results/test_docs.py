"""The documents name every column there is."""

import re
from pathlib import Path

import pytest

from lodo_bench.results.export.tables import TABLES
from lodo_bench.results.report.flat import COLUMNS

DOCS = Path(__file__).parent.parent.parent / "docs"


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

"""docs/test-problems.md names every function, spectrum and case, with its numbers."""

import re
from pathlib import Path

import pytest

from lodo_bench.tasks.diagnostic_cases import CASES
from lodo_bench.tasks.functions import FUNCTIONS
from lodo_bench.tasks.spectra import SPECTRA

TEXT = (Path(__file__).parent.parent.parent / "docs" / "test-problems.md").read_text("utf-8")


def table(title):
    """The cells of the table in a section, by the name in the first column."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def coordinates(text):
    return tuple(float(number.replace("−", "-")) for number in re.findall(r"−?[\d.]*\d", text.partition(")")[0]))


def test_every_function_is_explained():
    assert list(table("Test functions")) == list(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_minimum_and_start_are_those_of_the_code(name):
    parameters, minimum, at, start = table("Test functions")[name]
    function = FUNCTIONS[name]
    assert parameters == (
        str(function.dimension) if function.dimension else {1: "any", 2: "2 or more"}[function.least_dimension]
    )
    assert coordinates(minimum)[0] == pytest.approx(function.minimum, rel=1e-8)
    count = len(coordinates(at))
    assert coordinates(at) == pytest.approx((function.minimizer * count)[:count], rel=1e-8)
    assert coordinates(start) == function.start


def test_every_spectrum_is_explained():
    assert list(table("Quadratics of any spectrum")) == list(SPECTRA)


def test_every_case_is_explained():
    found = {name: (int(row[0]), float(row[1])) for name, row in table("Diagnostics").items()}
    assert found == {name: (len(case.start), case.solved_below) for name, case in CASES.items()}

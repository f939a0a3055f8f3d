"""The format of an output file is the one that is asked for, or that its ending names."""

import pytest

from lodo_bench.cli.file_format import format_of
from lodo_bench.errors import UnknownNameError, UsageError

FORMATS = {"markdown": (".md", ".markdown"), "csv": (".csv",), "json": (".json",)}


@pytest.mark.parametrize(
    ("name", "output", "found"),
    [
        (None, None, "markdown"),
        ("csv", None, "csv"),
        (None, "a.CSV", "csv"),
        (None, "b/a.markdown", "markdown"),
        ("csv", "a.csv", "csv"),
        ("csv", "a.txt", "csv"),
        ("csv", "a", "csv"),
    ],
)
def test_the_format_is_the_one_named_or_the_one_of_the_file(name, output, found):
    assert format_of(name, False, output, FORMATS, "markdown") == found


def test_json_is_short_for_a_format():
    assert format_of(None, True, None, FORMATS, "markdown") == "json"
    with pytest.raises(UsageError, match="--json and --format csv conflict"):
        format_of("csv", True, None, FORMATS, "markdown")


def test_a_format_that_cannot_be_inferred_is_refused():
    with pytest.raises(UsageError, match=r"cannot infer a format from 'a.txt'\. .* \.md, \.markdown, \.csv, \.json\."):
        format_of(None, False, "a.txt", FORMATS, "markdown")
    with pytest.raises(UsageError, match=r"csv and --output a.md conflict"):
        format_of("csv", False, "a.md", FORMATS, "markdown")
    with pytest.raises(UnknownNameError, match=r"unknown format 'cvs'\. Did you mean 'csv'"):
        format_of("cvs", False, None, FORMATS, "markdown")

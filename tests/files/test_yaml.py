"""Errors in YAML files name file, line, key and rule."""

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.files.yaml import parse, read

TEXT = """\
name: grid
count: 3
rate: 1e-3
flags: [true, false]
nested:
  inner: {sigma: 0.5}
"""


def document(text=TEXT):
    return parse(text, "file.yaml", "schedule", UsageError)


def entries():
    return document().mapping(("name", "count", "rate", "flags", "nested"))


def test_values_are_read():
    found = entries()
    assert found["name"].text() == "grid"
    assert found["count"].integer(at_least=3) == 3
    assert found["rate"].positive() == 0.001
    assert [flag.boolean() for flag in found["flags"].entries("a list")] == [True, False]
    assert found["nested"].items()["inner"].items()["sigma"].path == "nested.inner.sigma"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda e: e["count"].text(), "line 2: count must be a non-empty string, not 3."),
        (lambda e: e["count"].integer(at_least=4), "line 2: count must be an integer, 4 or greater, not 3."),
        (lambda e: e["flags"].entries("a list of three", 3), "line 4: flags must be a list of three."),
        (lambda e: e["flags"].entries("a list")[1].positive(), "line 4: flags.1. must be a finite number greater than"),
        (lambda e: e["name"].boolean(), "line 1: name must be true or false, not 'grid'."),
        (lambda e: e["name"].choice(("a", "b")), "line 1: name must be a or b, not 'grid'."),
        (lambda e: e["name"].name("task", ("grids",)), "line 1: name: unknown task 'grid'. Did you mean 'grids'"),
        (lambda e: e["nested"].mapping(("iner",)), "line 6: unknown key 'inner' of nested. Did you mean 'iner'"),
        (lambda e: e["nested"].mapping(("inner", "n"), ("n",)), "line 6: missing key 'n' in nested. Required: n."),
    ],
)
def test_errors_name_file_line_key_and_rule(action, message):
    with pytest.raises(UsageError, match=f"^file.yaml, {message}"):
        action(entries())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "^schedule file.yaml is not valid YAML: "),
        ("a: 2020-13-45", "^schedule file.yaml is not valid YAML: "),
        ("a: 1\nb: 2\na: 3", "duplicate key 'a'"),
    ],
)
def test_invalid_yaml_is_named(text, message):
    with pytest.raises(UsageError, match=message):
        document(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none.yaml"), "schedule", UsageError)
    with pytest.raises(UsageError, match=r"schedule '.*' cannot be read: "):
        read(str(tmp_path), "schedule", UsageError)

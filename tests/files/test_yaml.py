"""Errors in YAML files name file, line, key and rule."""

import math

import pytest

from lodo_bench.errors import UsageError
from lodo_bench.files.yaml import parse, read
from lodo_bench.spec.numbers import POSITIVE, Integers

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
    assert found["count"].number(Integers(3)) == 3
    assert found["rate"].number(POSITIVE) == 0.001
    assert [flag.boolean() for flag in found["flags"].entries("a list")] == [True, False]
    assert found["nested"].items()["inner"].items()["sigma"].path == "nested.inner.sigma"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda e: e["count"].text(), "line 2: count must be a non-empty string, not 3."),
        (lambda e: e["count"].number(Integers(4, 9)), "line 2: count must be an integer from 4 to 9, not 3."),
        (lambda e: e["flags"].entries("a list of three", 3), "line 4: flags must be a list of three."),
        (
            lambda e: e["flags"].entries("a list")[1].number(POSITIVE),
            "line 4: flags.1. must be a finite number greater than",
        ),
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


def values(text):
    return document(text).value


def test_merge_keys_take_over_what_is_not_given():
    text = "base: &base {a: 1, b: {c: 2}}\nown: {<<: *base, a: 3}\nafter: {a: 4, <<: *base}\n"
    assert values(text)["own"] == {"a": 3, "b": {"c": 2}}
    assert values(text)["after"] == {"a": 4, "b": {"c": 2}}


def test_of_several_merged_mappings_the_first_takes_precedence():
    assert values("x: &x {a: 1}\ny: &y {a: 2, b: 3}\nz: {<<: [*x, *y]}")["z"] == {"a": 1, "b": 3}


def test_mappings_that_are_merged_may_be_merged_ones():
    assert values("x: &x {a: 1}\ny: &y {<<: *x, b: 2}\nz: {<<: *y, c: 3}")["z"] == {"a": 1, "b": 2, "c": 3}


def test_merged_entries_keep_their_lines():
    entry = document("x: &x\n  a: word\ny: {<<: *x}").items()["y"].items()["a"]
    with pytest.raises(UsageError, match=r"^file.yaml, line 2: y\.a must be an integer"):
        entry.number(Integers(1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x: {a: 1, a: 2}", "duplicate key 'a'"),
        ("b: &b {c: 1}\nx: {<<: *b, a: 1, a: 2}", "line 2: duplicate key 'a'"),
        ("b: &b {c: 1}\nx: {<<: *b, <<: *b}", "line 2: duplicate key '<<'"),
        ("x: {<<: 3}", "a merge key << needs a mapping"),
        ("x: {<<: [3]}", "a merge key << needs a mapping"),
        ("x: &x {<<: *x}", "an alias is inside of what it stands for"),
        ("x: &x [*x]", "an alias is inside of what it stands for"),
        ("x: {? [a] : b}", "a key must be a word"),
        ("x: {null: b}", "a key must be a word"),
        ("x: !!python/object/apply:os.system [true]", "the tag !!python/object/apply:os.system has no meaning here"),
        ("x: !!binary aGk=", "the tag !!binary has no meaning here"),
        ("x: !!int '010'", "'010' is not a number"),
        ("x: 1e400", "1e400 is too large: the largest number is 1.8e308"),
        (f"x: {'9' * 5000}", r"\(5,000 characters\) is too large"),
        ("x: \x00", r"it contains the character U\+0000"),
        ("x:\n\ty: 1", "Indent with spaces, not with tabs"),
        ("[" * 1000, "nested deeper than 100 levels"),
        ("- " * 1000 + "a", "nested deeper than 100 levels"),
        ("a: 1\n--- \nb: 2", "expected a single document"),
        ("a: [1,", "line 1: "),
        ("# " + "x" * 1_000_000, "it has 1,000,002 characters, and may have 1,000,000"),
    ],
)
def test_what_is_refused_in_any_file(text, problem):
    with pytest.raises(UsageError, match=f"^schedule file.yaml is not valid YAML: .*{problem}") as caught:
        document(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "010",
        "-010",
        "08",
        "00.5",
        "1:40",
        "12:30:45",
        "1_000",
        "1_0.5",
        "0x10",
        "0o10",
        "0b1",
        "yes",
        "No",
        "ON",
        "off",
    ],
)
def test_what_versions_of_yaml_read_in_several_ways_is_refused(text):
    for place in (f"x: {text}", f"{text}: x", f"x: [{text}]"):
        with pytest.raises(UsageError, match=f"line 1: {text} is read in several ways. Write "):
            document(place)
    assert values(f"x: '{text}'") == {"x": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("+5", 5),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("true", True),
        ("~", None),
        ("2020-01-01", "2020-01-01"),
        ("1.2.3", "1.2.3"),
        ("y", "y"),
        ("٣", "٣"),
        ("<<", "<<"),
        (".inf", math.inf),
    ],
)
def test_plain_values_are_those_of_the_core_schema(text, value):
    assert values(f"x: {text}") == {"x": value}


def test_aliases_cannot_grow_without_bounds():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    with pytest.raises(UsageError, match="with its aliases, the file has more than 1,000,000 values"):
        document("\n".join(lines))
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 20)]
    assert values("\n".join(lines))["a19"] == {"x": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_in_any_encoding(tmp_path, encoding):
    (tmp_path / "file.yaml").write_text("title: naïve – 日本", encoding)
    assert read(str(tmp_path / "file.yaml"), "schedule", UsageError) == "title: naïve – 日本"


@pytest.mark.parametrize("content", [b"\xff\xfea", b"a: \xff", "é".encode("latin-1"), b"x" * 5_000_000])
def test_what_is_no_text_or_too_much_of_it_is_refused(tmp_path, content):
    (tmp_path / "file.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=r"^schedule '.*' cannot be read: it is "):
        read(str(tmp_path / "file.yaml"), "schedule", UsageError)


@pytest.mark.parametrize("text", ["\\x1b[31m", "\\u202e", "\\ud800", "\\0"])
def test_texts_have_no_control_characters(text):
    with pytest.raises(UsageError, match="x must be a text without control characters"):
        document(f'x: "a{text}"').items()["x"].text()

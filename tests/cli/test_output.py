"""Messages on standard error: whole words on a terminal, whole lines elsewhere."""

import io
import sys

import pytest

from lodo_bench.cli.kept import Kept
from lodo_bench.cli.output import echo_err, resumable
from lodo_bench.errors import EngineLost


class Terminal(io.StringIO):
    def isatty(self):
        return True


MESSAGE = "interrupted. 2 finished runs and seed 2 up to step 2,700 are stored.\n  lodo-bench run lodo --task quadratic"


def echoed(monkeypatch, stream):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stderr", stream)
    echo_err(MESSAGE)
    return stream.getvalue()


def test_lines_end_between_words_on_a_terminal(monkeypatch):
    lines = echoed(monkeypatch, Terminal()).splitlines()
    assert lines[:-1] == ["interrupted. 2 finished runs", "and seed 2 up to step 2,700", "are stored."]
    assert lines[-1] == "  lodo-bench run lodo --task quadratic"  # can be copied


def test_elsewhere_lines_are_kept(monkeypatch):
    assert echoed(monkeypatch, io.StringIO()) == MESSAGE + "\n"


def test_a_search_whose_engine_is_lost_says_what_is_stored_and_how_to_go_on(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lodo-bench", "tune", "--fresh", "--seed", "2"])
    with pytest.raises(EngineLost) as caught, resumable(Kept(individuals={3: 12})):
        raise EngineLost("Ray's server has ended.")
    expected = "12 individuals of study 3 are stored. Rerun to resume:\n  lodo-bench tune --seed 2"
    assert str(caught.value) == f"Ray's server has ended. {expected}"
    assert caught.value.exit_code == 3

"""Messages on standard error: whole words on a terminal, whole lines elsewhere."""

import io

from lodo_bench.cli.output import echo_err


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

"""Code of the user's own that ends the program, or prints, where it is used."""

import json

import pytest

from tests.cli.runner import Place

FAST = ("--task", "quadratic", "-T", "dimension=4", "--steps", 20, "--seeds", 2)
CODE = """
import sys
import torch


class Leaving(torch.optim.SGD):
    number = 0

    def step(self, closure=None):
        self.number += 1
        if self.number == 15:
            sys.exit({status!r})
        return super().step(closure)


class NotEven(torch.optim.SGD):
    def __init__(self, params, lr=0.1):
        sys.exit({status!r})
"""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize(("status", "text"), [(0, "SystemExit: 0"), ("bye", "SystemExit: bye"), (None, "SystemExit")])
@pytest.mark.parametrize("untimed", [(), ("--untimed",)])
def test_a_step_that_ends_the_program_is_a_failed_run(place, status, text, untimed):
    (place.work / "mine.py").write_text(CODE.format(status=status))
    result = place.run_here("run", "mine.py:Leaving", "adam", *FAST, *untimed)
    assert result.code == 3
    assert place.query("SELECT status, reason FROM runs WHERE run_set_id = 1") == [("failed", text)] * 2
    assert place.query("SELECT status FROM runs WHERE run_set_id = 2") == [("completed",)] * 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "exit.py:A", *FAST),
        ("run", "adam", "--task", "exit.py:A", "--steps", 20),
        ("list", "optimizers", "exit.py:A"),
        ("run", "mine.py:NotEven", *FAST),
        ("tune", "mine.py:NotEven", *FAST[:4], "--workers", 0),
    ],
)
def test_code_that_ends_the_program_at_once_is_refused(place, arguments):
    (place.work / "exit.py").write_text("import sys\nsys.exit(0)\n")
    (place.work / "mine.py").write_text(CODE.format(status=0))
    result = place.run_here(*arguments)
    assert result.code == 2, result
    assert ".py, line " in result.stderr
    assert ": SystemExit: 0" in result.stderr
    assert not place.database.exists() or place.query("SELECT count(*) FROM runs") == [(0,)]


def test_a_search_without_workers_names_what_was_raised(place):
    (place.work / "mine.py").write_text(CODE.format(status="bye"))
    schedule = place.schedule(20, 20, population=4)
    result = place.run_here("tune", "mine.py:Leaving", *FAST[:4], "--schedule", schedule, "--workers", 0)
    assert result.code == 3
    assert "SystemExit: bye" in result.stderr
    assert place.query("SELECT DISTINCT status, reason FROM individuals") == [("failed", "SystemExit: bye")]


def test_what_it_prints_is_no_part_of_a_document(place):
    printing = 'import sys\nprint("on import")\n' + CODE.format(status=0).replace(
        "sys.exit(0)\n        return", 'print("in a step")\n        return'
    )
    (place.work / "mine.py").write_text(printing)
    result = place.run("run", "mine.py:Leaving", *FAST, "--json")
    assert result.code == 0, result
    assert json.loads(result.stdout)
    assert "on import" in result.stderr
    assert "in a step" in result.stderr

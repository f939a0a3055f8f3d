"""Errors: their remedies in neutral words for the library, and as options for the command line."""

import pickle
import string

import pytest

from lodo_bench import errors
from lodo_bench.cli.remedies import explain
from lodo_bench.errors import (
    CodeChangedError,
    ConformanceError,
    DatabaseError,
    DatabaseNotFoundError,
    EndOfProgramError,
    EngineLost,
    ExperimentError,
    Interrupted,
    LodoBenchError,
    NotStoredError,
    Remedy,
    ScheduleError,
    SpaceError,
    StateError,
    UnknownNameError,
    UsageError,
)
from lodo_bench.spec.training import OptimizerSpec, TaskSpec
from tests.builders import study_spec

DETAILS = {
    "task": TaskSpec("quadratic", {"dimension": 5}),
    "optimizer": OptimizerSpec("lodo", {"layers": 8}),
    "formats": "csv, json",
    "data_set": "mnist",
    "run_sets": "3 and 4",
}
OWN_DETAILS = {
    Remedy.TUNE_FIRST: {"task": DETAILS["task"], "optimizer": DETAILS["optimizer"]},
    Remedy.RUN_FIRST: {"task": DETAILS["task"], "optimizer": DETAILS["optimizer"]},
    Remedy.CONTINUE_SEARCH: {"study": study_spec(), "db": "results.db"},
}


def test_an_error_without_a_remedy_is_its_message():
    assert str(UsageError("invalid x.")) == explain(UsageError("invalid x.")) == "invalid x."


@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_is_worded_for_both(remedy):
    error = UsageError("invalid x.", remedy=remedy, **OWN_DETAILS.get(remedy, DETAILS))
    for text in (str(error), explain(error)):
        assert text.startswith("invalid x. ")
        assert text.endswith(".")
        assert not set(text) & set("{}")
    if remedy is not Remedy.UPGRADE_PROGRAM:  # whose option is that of pip
        assert " -" not in str(error), "the library names no options of the command line"


def test_a_command_to_type_has_all_options():
    error = UsageError(
        "lodo is not tuned.", remedy=Remedy.TUNE_FIRST, task=DETAILS["task"], optimizer=DETAILS["optimizer"]
    )
    assert explain(error).endswith("'lodo-bench tune --task quadratic -T dimension=5 --optimizer lodo -O layers=8'.")


def test_a_command_to_type_says_that_the_space_is_not_the_optimizers_own():
    optimizer = OptimizerSpec("lodo", space='{"tuned":[]}')
    error = UsageError("lodo is not tuned.", remedy=Remedy.TUNE_FIRST, task=DETAILS["task"], optimizer=optimizer)
    assert explain(error).endswith("--optimizer lodo --space FILE'.")


def test_details_are_the_fields_of_the_wording():
    fields = {name for remedy in Remedy for _, name, _, _ in string.Formatter().parse(remedy) if name}
    assert fields <= set(DETAILS)


ERRORS = [
    EngineLost("Ray has ended."),
    LodoBenchError("x is wrong"),
    UsageError("invalid x."),
    UsageError("invalid x.", remedy=Remedy.FETCH_DATA, data_set="mnist"),
    UsageError("x is not tuned.", remedy=Remedy.TUNE_FIRST, task=DETAILS["task"], optimizer=DETAILS["optimizer"]),
    UnknownNameError("optimizer", "adm", (name for name in ("adam", "lodo"))),
    UnknownNameError("key", "x", [], of="the file"),
    CodeChangedError("study", 3, "my.py:Mine", "sha256:1", "sha256:2"),
    ScheduleError("'my.yaml', line 3: invalid sigma."),
    SpaceError("'my.yaml', line 3: invalid range."),
    ExperimentError("'my.yaml', line 3: invalid title."),
    DatabaseError("'x.db' cannot be opened.", remedy=Remedy.CHOOSE_DATABASE),
    NotStoredError("database 'x.db' cannot be written: the disk is full.", remedy=Remedy.FREE_SPACE),
    DatabaseNotFoundError("there is no 'x.db'.", remedy=Remedy.FILL_DATABASE),
    StateError("a state of another optimizer"),
    ConformanceError("A step must move x; it did not."),
    Interrupted("interrupted"),
    EndOfProgramError("SystemExit: 0"),
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_an_error_is_the_same_in_another_process(error):
    received = pickle.loads(pickle.dumps(error))
    assert (type(received), received.args, vars(received)) == (type(error), error.args, vars(error))
    assert str(received) == str(error)
    if isinstance(error, UsageError):
        assert explain(received) == explain(error)


def test_every_error_is_sent_to_another_process():
    defined = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert {type(error) for error in ERRORS} == defined

"""Errors: their remedies in neutral words for the library, and as options for the command line."""

import pickle
import string

import pytest

from lodo_bench.cli.remedies import explain
from lodo_bench.errors import Remedy, UsageError
from lodo_bench.spec.training import OptimizerSpec, TaskSpec

DETAILS = {
    "task": TaskSpec("quadratic", {"dimension": 5}),
    "optimizer": OptimizerSpec("lodo", {"layers": 8}),
    "formats": "csv, json",
    "data_set": "mnist",
}


def test_an_error_without_a_remedy_is_its_message():
    assert str(UsageError("invalid x.")) == explain(UsageError("invalid x.")) == "invalid x."


@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_is_worded_for_both(remedy):
    keys = ("task", "optimizer") if remedy in (Remedy.TUNE_FIRST, Remedy.RUN_FIRST) else DETAILS
    error = UsageError("invalid x.", remedy=remedy, **{key: DETAILS[key] for key in keys})
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


def test_details_are_the_fields_of_the_wording():
    fields = {name for remedy in Remedy for _, name, _, _ in string.Formatter().parse(remedy) if name}
    assert fields <= set(DETAILS)


def test_an_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(UsageError("invalid x.", remedy=Remedy.FETCH_DATA, data_set="mnist")))
    assert str(error) == "invalid x. Fetch mnist, or choose the data directory that contains it."

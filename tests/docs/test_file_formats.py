"""docs/file-formats.md explains every key: the loaders name those they know when they meet another one."""

import re

import pytest
import torch

from lodo_bench.errors import UsageError
from lodo_bench.experiments.loading import load_experiment
from lodo_bench.optimizers.adapted.space import read_space
from lodo_bench.tuner.schedule import load_schedules
from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs" / "file-formats.md").read_text("utf-8")
EXPERIMENT = "title: All keys\noutput: [comparison]\ntask: rosenbrock\n"
PART = EXPERIMENT + "optimizers: [adam]\n"


def schedule(path):
    load_schedules(path, "quadratic")


def space(path):
    read_space(path, torch.optim.SGD, "torch.optim.SGD")


CASES = {
    "Schedules": (schedule, "unheard_of: 1"),
    "A generation": (schedule, "population: 2\ngenerations: [{unheard_of: 1}]"),
    "Search spaces": (space, "optimizer: torch.optim.SGD\nunheard_of: 1"),
    "A tuned argument": (space, "optimizer: torch.optim.SGD\ntuned: {lr: {unheard_of: 1}}"),
    "Experiments": (load_experiment, "unheard_of: 1"),
    "An optimizer": (load_experiment, EXPERIMENT + "optimizers: [{unheard_of: 1}]"),
    "The search": (load_experiment, PART + "tuning: {unheard_of: 1}"),
    "Final runs": (load_experiment, PART + "runs: [{unheard_of: 1}]"),
    "A sweep": (load_experiment, PART + "sweep: {unheard_of: 1}"),
    "A part": (load_experiment, PART + "parts: [{unheard_of: 1}]"),
    "The scales": (load_experiment, PART + "scales: {unheard_of: 1}"),
}


def explained(title):
    """The keys in the table of a section."""
    section = re.split(rf"^##+ {title}$", TEXT, flags=re.MULTILINE)[1]
    return set(re.findall(r"^\| `(\w+)` \|", re.split(r"^##", section, flags=re.MULTILINE)[0], re.MULTILINE))


@pytest.mark.parametrize("title", CASES)
def test_every_key_is_explained(title, tmp_path):
    load, text = CASES[title]
    file = tmp_path / "file.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="unknown key 'unheard_of'") as caught:
        load(str(file))
    known = re.search(r"Known: (.+)\.", str(caught.value))[1].split(", ")
    assert explained(title) == set(known)


def test_every_table_of_keys_is_compared():
    assert len(re.findall(r"^\| key \|", TEXT, re.MULTILINE)) == len(CASES)

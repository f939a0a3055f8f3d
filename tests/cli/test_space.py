"""Search spaces on the command line: refused where they mean nothing, and edges in what is printed."""

import json

import pytest

from lodo_bench.api.requests import TuneRequest
from lodo_bench.cli.views.show import show_study
from lodo_bench.cli.views.tune import print_studies
from lodo_bench.optimizers.momentum import Momentum
from lodo_bench.spec.space import Argument, Space
from lodo_bench.spec.study import StudyRecord
from lodo_bench.spec.training import OptimizerSpec, Tuned
from tests.builders import individual, study_spec

SPACE = Space((Argument("lr", "rate", 0.01, (1e-5, 1.0)), Argument("momentum", "decay", 0.9, (0.5, 0.99))))
NOTE = "at the edge of its range 1e-05 to 1: widen it with a space file"


class Ranged(Momentum):
    hyperparameters = tuple(argument.hyperparameter for argument in SPACE.tuned)


@pytest.fixture
def record(register):
    spec = study_spec(optimizer=OptimizerSpec(register(Ranged), space=SPACE.to_json()))
    return StudyRecord(7, spec, Tuned({"lr": 1.0, "momentum": 0.8}), (), (individual(),))


@pytest.mark.parametrize("command", ["tune", "run"])
def test_a_native_optimizer_has_no_space_to_replace(place, command):
    result = place.run_here(command, "adam", "--task", "quadratic", "--space", "sgd-nesterov")
    assert result.code == 2
    assert "optimizer adam states its hyperparameters itself" in result.stderr
    assert "Omit it." in result.stderr


@pytest.mark.parametrize("command", ["tune", "run"])
def test_a_space_is_for_one_optimizer(place, command):
    result = place.run_here(command, "adam", "lodo", "--task", "quadratic", "--space", "adam")
    assert result.code == 2
    assert "a search space requires exactly one optimizer. Name only the one it belongs to." in result.stderr


def test_a_search_prints_a_mark_and_a_note(record, capsys):
    print_studies(TuneRequest("quadratic"), [record], False)
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "| lr " in line]
    assert [cell.strip() for cell in line.strip("|").split("|")][2:4] == ["lr", "1 ‡"]
    assert out.endswith(f"\n‡ mine: lr is {NOTE}.\n")


def test_json_of_a_search_has_the_edges(record, capsys):
    print_studies(TuneRequest("quadratic"), [record], True)
    (found,) = json.loads(capsys.readouterr().out)["studies"]
    assert found["at_edge"] == {"lr": [1e-5, 1.0]}


class Unrecorded:
    """Results without any record of commands."""

    damaged = ()

    def provenances(self, study):
        return []


def test_show_study_has_a_note(record, capsys):
    show_study(record, Unrecorded(), False)
    assert f"result lr = 1 ({NOTE}), momentum = 0.8" in capsys.readouterr().out
    show_study(record, Unrecorded(), True)
    assert json.loads(capsys.readouterr().out)["at_edge"] == {"lr": [1e-5, 1.0]}

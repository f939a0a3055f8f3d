"""Facts about an optimizer on a task: stated by their code, stored with runs, and enough for a report."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest

from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.adam import Adam
from lodo_bench.results.database import Database
from lodo_bench.results.store import Store
from lodo_bench.runs.facts import facts_of, hyperparameter_kinds, kinds_of, with_facts
from lodo_bench.spec.facts import UNKNOWN, Facts
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.quadratic import Quadratic
from tests.builders import curve, generation, individual, provenance, run, run_set, run_set_spec, study_spec
from tests.compute_specs import CPU


@pytest.fixture
def store(tmp_path):
    return Store(Database(str(tmp_path / "results.db"), create=True), provenance())


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({}, Facts("O(n)", bound=Quadratic.optimal_loss({}))),
        ({"compute": replace(CPU, backend="numba")}, Facts("O(n)", True, bound=Quadratic.optimal_loss({}))),
        ({"optimizer": "lars"}, Facts("O(n)", is_scheduled=True, bound=Quadratic.optimal_loss({}))),
        ({"optimizer": "newton"}, Facts("O(n³)", told="Hessian", bound=Quadratic.optimal_loss({}))),
        ({"task": TaskSpec("diagnostics")}, Facts("O(n)", bound=LossBound("global minimum", 0.0), solved_below=0.01)),
        ({"task": TaskSpec("mnist")}, Facts("O(n)")),
    ],
)
def test_they_are_what_the_code_states(changes, facts):
    found = facts_of(run_set_spec(**changes))
    assert found == facts


def test_of_code_that_is_missing_the_recipe_is_still_known():
    missing = OptimizerSpec("missing.package:Optimizer", recipe={"schedule": "cosine"})
    assert facts_of(run_set_spec(optimizer=missing, task=TaskSpec("missing.package:Task"))) == Facts(is_scheduled=True)


@pytest.mark.parametrize("loss", [math.nan, -math.inf])
def test_a_bound_that_is_no_number_is_none(loss):
    class Boundless(Quadratic):
        @classmethod
        def optimal_loss(cls, options):
            return LossBound("nobody", loss)

        @classmethod
        def solved_below(cls, options):
            return loss

    with TASKS.registered("boundless", Boundless):
        assert facts_of(run_set_spec(task=TaskSpec("boundless"))) == Facts("O(n)")


def test_they_are_stored_when_runs_are_opened_and_stay_as_they_were(store):
    spec = run_set_spec(study_id=None, source="given")
    stated = facts_of(spec)
    opened = store.open_run_set(spec, facts=stated)
    assert (opened.facts, store.run_set(opened.id).facts) == (stated, stated)
    assert store.open_run_set(spec, facts=UNKNOWN).facts == stated


def test_those_of_a_former_version_are_asked_of_the_code_once_for_each_pair():
    asked = []

    class Complexity:
        def __get__(self, instance, owner):
            asked.append(owner)
            return "O(1)"

    class Talkative(Adam):
        complexity = Complexity()

    with OPTIMIZERS.registered("talkative", Talkative):
        known = replace(run_set(run(), id=3), facts=Facts("O(n!)"))
        former = [run_set(run(), id=number, optimizer="talkative") for number in (1, 2)]
        found = with_facts([*former, known])
    assert [record.facts.complexity for record in found] == ["O(1)", "O(1)", "O(n!)"]
    assert len(asked) == 1


def test_the_kinds_of_hyperparameters_are_stored_when_a_study_is_opened_and_stay_as_they_were(store):
    spec = study_spec()
    stated = hyperparameter_kinds(spec.optimizer)
    opened = store.open_study(spec, fresh=False, kinds=stated)
    assert opened.kinds == store.study(opened.id).kinds == stated != {}
    assert kinds_of(store.open_study(spec, fresh=False, kinds={"beta1": "text"})) == stated


@pytest.mark.parametrize(
    ("optimizer", "kinds"),
    [("adam", {"learning_rate": "rate", "beta1": "decay", "beta2": "decay"}), ("missing.package:Optimizer", {})],
)
def test_kinds_that_are_not_stored_are_asked_of_the_code(store, optimizer, kinds):
    study = store.open_study(study_spec(optimizer=OptimizerSpec(optimizer)), fresh=False)
    assert (study.kinds, kinds_of(study)) == (None, kinds)


VALUES = {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.999}
COMMANDS = [
    ["report"],
    ["report", "--json"],
    ["report", "-o", "page.html"],
    ["list", "run-sets"],
    ["list", "studies"],
    ["show", "run-set", "1"],
    ["show", "study", "1"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_reading_results_imports_no_pytorch(store, tmp_path, command):
    study = store.open_study(study_spec(), fresh=False, kinds=hyperparameter_kinds(study_spec().optimizer))
    store.add_generation(study.id, generation(0, mean=VALUES))
    store.add_individuals({study.id: [individual(0, hyperparameters=VALUES)]})
    spec = run_set_spec(study_id=None, source="given")
    record = store.open_run_set(spec, facts=facts_of(spec))
    store.add_run(record.id, run(), curve([1.0] * 200))
    script = f"""
import sys
sys.modules["torch"] = None  # an import of it fails
sys.argv = ["lodo-bench", *{command!r}, "--db", {str(tmp_path / "results.db")!r}]
from lodo_bench.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "adam" in done.stdout or "adam" in (tmp_path / "page.html").read_text("utf-8")

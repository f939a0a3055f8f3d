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
from lodo_bench.runs.facts import facts_of, with_facts
from lodo_bench.spec.facts import UNKNOWN, Facts
from lodo_bench.spec.training import LossBound, OptimizerSpec, TaskSpec
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.quadratic import Quadratic
from tests.builders import curve, provenance, run, run_set, run_set_spec
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


@pytest.mark.parametrize("command", [["report"], ["report", "--json"], ["list", "run-sets"], ["show", "run-set", "1"]])
def test_reading_results_imports_no_pytorch(store, tmp_path, command):
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
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "adam" in done.stdout

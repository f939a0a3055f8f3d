"""The pytest plugin, as users start it: in a process of its own, on files of theirs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lodo_bench.conformance.checks import OPTIMIZER_CHECKS, TASK_CHECKS

ROOT = Path(__file__).parents[2]
MINE = """
import torch
from lodo_bench import HyperparameterSpec, Optimizer
from lodo_bench.optimizers.adam import Adam  # imported, and so not checked


class Base(Optimizer):
    hyperparameters = (HyperparameterSpec("learning_rate", "lr", "rate", 0.01, "step size", is_learning_rate=True),)
    complexity = "O(n)"
    reference = "none"

    def init_state(self, generators):
        pass


class Descent(Base):
    def step(self, gradient, oracle):
        self.x.sub_(self.hyperparameter("learning_rate") * gradient)


class Normalizing(Base):
    def step(self, gradient, oracle):
        self.x.sub_(self.hyperparameter("learning_rate") * gradient / gradient.norm())


class Crashing(Base):
    def step(self, gradient, oracle):
        self.move(gradient)

    def move(self, gradient):
        raise ValueError("my own mistake")
"""

WITHOUT_ENTRY_POINTS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # so that the plugin is not loaded twice
UNUSABLE = {"raising": "import torch\n1 / 0\n", "wrong": "x = 1 +\n", "empty": "x = 1\n"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def check(folder, *arguments, plugin=True, variables=WITHOUT_ENTRY_POINTS):
    """Run pytest in the folder; return its exit code and its output."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no"]
    command += ["-p", "lodo_bench.conformance.plugin"] if plugin else []
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "COLUMNS": "200", **variables}
    done = subprocess.run(
        [*command, *map(str, arguments)], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def outcomes(output):
    """Node id -> outcome, from the lines that `-v` prints."""
    return dict(re.findall(r"^(\S+::.+?) (PASSED|FAILED)\b", output, re.MULTILINE))


def test_the_example_passes_all_checks(tmp_path):
    shutil.copy(ROOT / "examples" / "my_optimizer.py", tmp_path)
    code, output = check(tmp_path, "--lodo-bench", "my_optimizer.py", "-v")
    assert code == 0, output
    assert outcomes(output) == {f"my_optimizer.py::SignMomentum::{rule}": "PASSED" for rule in OPTIMIZER_CHECKS}


def test_all_classes_that_a_file_defines_are_checked_and_no_others(folder):
    _, output = check(folder, "--lodo-bench", "mine.py", "--collect-only", "-q")
    assert {line.split("::")[1] for line in output.splitlines() if "::" in line} == {
        "Descent",
        "Normalizing",
        "Crashing",
    }


def test_single_classes_and_several_names_are_checked(folder):
    rosenbrock = "lodo_bench.tasks.rosenbrock:Rosenbrock"
    names = ("mine.py:Descent", rosenbrock, "momentum", "quadratic", "momentum")
    code, output = check(folder, *(part for name in names for part in ("--lodo-bench", name)), "-v")
    assert code == 0, output
    expected = [f"{name}::{rule}" for name in ("mine.py::Descent", "momentum") for rule in OPTIMIZER_CHECKS]
    expected += [f"{name}::{rule}" for name in (rosenbrock, "quadratic") for rule in TASK_CHECKS]
    assert outcomes(output) == dict.fromkeys(expected, "PASSED")


def test_a_broken_rule_is_reported_in_words_and_without_a_traceback(folder):
    code, output = check(folder, "--lodo-bench", "mine.py:Normalizing", "-v", "-k", "lockstep")
    assert code == 1
    assert outcomes(output) == {"mine.py::Normalizing::lockstep independence": "FAILED"}
    assert "An individual must give the same results, to the last bit, among 3 individuals and among 1" in output
    assert "raise ConformanceError" not in output
    assert "results.py" not in output


def test_an_error_in_a_step_shows_the_lines_of_the_file_only(folder):
    code, output = check(folder, "--lodo-bench", "mine.py:Crashing", "-k", "determinism")
    assert code == 1
    line = MINE.splitlines().index('        raise ValueError("my own mistake")') + 1
    assert f"mine.py:{line}: in move" in output
    assert "ValueError: my own mistake" in output
    assert "trainer.py" not in output
    assert "runner.py" not in output


def test_what_cannot_be_used_is_an_error_of_one_message(tmp_path):
    for name, content in UNUSABLE.items():
        (tmp_path / f"{name}.py").write_text(content)
    names = (*(f"{name}.py" for name in UNUSABLE), "missing.py", "momentun")
    code, output = check(tmp_path, *(part for name in names for part in ("--lodo-bench", name)))
    assert code == 2
    assert all(f"ERROR collecting {name}" in output for name in names)
    assert "file 'raising.py' cannot be imported: raising.py, line 2: ZeroDivisionError" in output
    assert "file 'wrong.py' cannot be imported: wrong.py, line 1: SyntaxError" in output
    assert "'empty.py' defines no optimizer and no task. Derive a class from lodo_bench.Optimizer" in output
    assert "cannot read 'missing.py': No such file or directory" in output
    assert "unknown optimizer 'momentun'. Did you mean 'momentum'?" in output
    assert "Traceback" not in output
    assert "user_code.py" not in output


def test_other_tests_are_run_only_when_they_are_named(folder):
    (folder / "test_other.py").write_text("def test_other():\n    pass\n")
    option = ("--lodo-bench", "mine.py:Descent", "-v", "-k", "other or determinism")
    _, alone = check(folder, *option)
    assert set(outcomes(alone)) == {"mine.py::Descent::determinism"}
    _, both = check(folder, *option, "test_other.py")
    assert set(outcomes(both)) == {"mine.py::Descent::determinism", "test_other.py::test_other"}


@pytest.mark.parametrize("plugin", [True, False])
def test_without_the_option_nothing_of_the_package_is_imported(tmp_path, plugin):
    (tmp_path / "test_modules.py").write_text(
        "import sys\n\n\ndef test_modules():\n"
        "    ours = {name for name in sys.modules if name.startswith('lodo_bench.')}\n"
        f"    assert 'lodo_bench.errors' in ours or {not plugin}\n"
        "    assert ours <= {'lodo_bench.errors', 'lodo_bench.conformance', 'lodo_bench.conformance.plugin'}\n"
        "    assert {'torch', 'numpy', 'ray', 'typing_extensions'} & set(sys.modules) == set()\n"
    )
    code, output = check(tmp_path, plugin=plugin)
    assert code == 0, output


def test_the_package_imports_pytest_in_the_plugin_only():
    script = (
        "import sys, lodo_bench.conformance.checks, lodo_bench.conformance.discovery; sys.exit('pytest' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    users = [path for path in (ROOT / "lodo_bench").rglob("*.py") if "import pytest" in path.read_text("utf-8")]
    assert {path.parent for path in users} == {ROOT / "lodo_bench" / "conformance" / "plugin"}


def test_pytest_finds_the_plugin_by_the_entry_point(folder):
    entry_points = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["pytest11"]
    lines = [f"{name} = {module}" for name, module in entry_points.items()]
    installed = folder / "installed-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]))
    option = ("--lodo-bench", "mine.py:Descent", "-v", "-k", "determinism")
    code, output = check(folder, *option, plugin=False, variables={})
    assert code == 0, output
    assert outcomes(output) == {"mine.py::Descent::determinism": "PASSED"}


def test_the_help_of_pytest_explains_the_option(tmp_path):
    code, output = check(tmp_path, "--help")
    assert code == 0
    assert "--lodo-bench=NAME" in output

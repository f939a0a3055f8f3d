"""The commands there are, and that asking for help is quick."""

import json
import re
import subprocess
import sys

import pytest

from lodo_bench.results.database import Database
from tests.cli.runner import Place, commands

COMMANDS = (
    *("init", "tune", "run", "reproduce", "watch", "report", "serve", "plot", "export", "list", "show"),
    *("compare", "note", "tag", "delete", "sample", "doctor", "data", "config"),
)
HEAVY = {"torch", "ray", "sqlalchemy", "numpy", "yaml", "pyarrow", "scipy", "matplotlib", "jinja2", "pooch", "requests"}


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("help"))


def parameters(name):
    return commands().commands[name].params


def test_the_commands_are_these(surroundings):
    assert set(commands().commands) == set(COMMANDS)
    shown = surroundings.run("--help", COLUMNS=200).stdout.partition("Commands")[2]
    assert re.findall(r"^│ (\w+) ", shown, re.MULTILINE) == list(COMMANDS)


def test_the_root_tells_its_exit_codes(surroundings):
    assert "Exit codes: 0 done, 2 bad usage or input, 3" in surroundings.run("-h", COLUMNS=200).stdout


def test_without_a_command_there_is_help(surroundings):
    result = surroundings.run(COLUMNS=200)
    assert result.code == 2
    assert all(name in result.stdout + result.stderr for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name):
    unexplained = [parameter.name for parameter in parameters(name) if not parameter.help]
    assert unexplained == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_option(name, surroundings):
    result = surroundings.run_here(name, "--help", COLUMNS=200)
    assert (result.code, result.stderr) == (0, "")
    for parameter in parameters(name):
        shown = [parameter.metavar] if parameter.param_type_name == "argument" else parameter.opts
        assert all(text in result.stdout for text in shown)


# Runs several commands in one process that has imported nothing else, and tells what each of them has imported.
ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys
from lodo_bench.__main__ import main
told = {}
for line in sys.argv[1:]:
    sys.argv = ["lodo-bench", *line.split()]
    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            main()
    except SystemExit as ended:
        assert not ended.code, line
    told[line] = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps(told))
"""


def imported_by(place, *lines):
    """The packages that have been imported after each command, which has not failed."""
    words = [sys.executable, "-c", ONE_AFTER_THE_OTHER, *lines]
    done = subprocess.run(words, cwd=place.work, env=place.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {line: set(names) for line, names in json.loads(done.stdout).items()}


def test_help_imports_nothing_heavy(surroundings):
    lines = ["--help", *(f"{name} --help" for name in COMMANDS)]
    for line, names in imported_by(surroundings, *lines).items():
        assert "lodo_bench" in names
        assert names & HEAVY == set(), line


def test_commands_that_only_read_import_no_pytorch(tmp_path):
    place = Place(tmp_path)
    Database(str(place.database), create=True).close()
    for line, names in imported_by(place, "list studies", "list run-sets", "export runs", "watch --once").items():
        assert "sqlalchemy" in names
        assert not names & {"torch", "matplotlib", "ray"}, line


def test_settings_are_shown_without_heavy_imports(surroundings):
    (names,) = imported_by(surroundings, "config show").values()
    assert not names & {"torch", "ray", "sqlalchemy", "numba", "matplotlib"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_narrow_terminal(name, surroundings):
    result = surroundings.run_here(name, "--help", COLUMNS=40)
    assert result.code == 0
    assert max(map(len, result.stdout.splitlines())) <= 40


def test_help_touches_no_database(surroundings):
    surroundings.run("run", "--help")
    assert not surroundings.database.parent.exists()
    assert list(surroundings.work.iterdir()) == []

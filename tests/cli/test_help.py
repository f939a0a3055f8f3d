"""The commands there are, and that asking for help is quick."""

import re

import pytest
import typer

from lodo_bench.cli.app import app
from lodo_bench.results.database import Database
from tests.cli.runner import Place

COMMANDS = (
    *("init", "tune", "run", "reproduce", "watch", "report", "serve", "plot", "export", "list", "show"),
    *("compare", "note", "tag", "delete", "sample", "doctor", "data", "config"),
)
HEAVY = {"torch", "ray", "sqlalchemy", "numpy", "yaml", "pyarrow", "scipy", "matplotlib", "jinja2", "pooch", "requests"}


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("help"))


def parameters(name):
    return typer.main.get_command(app).commands[name].params


def test_the_commands_are_these(surroundings):
    assert set(typer.main.get_command(app).commands) == set(COMMANDS)
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


@pytest.mark.parametrize("arguments", [(), *((name,) for name in COMMANDS)], ids=lambda a: " ".join(a) or "root")
def test_help_imports_nothing_heavy(arguments, surroundings):
    result = surroundings.run(*arguments, "--help", PYTHONPROFILEIMPORTTIME=1)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "lodo_bench.cli.app" in imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [("list", "studies"), ("list", "run-sets"), ("export", "runs"), ("watch", "--once")], ids=" ".join
)
def test_commands_that_only_read_import_no_pytorch(arguments, surroundings, tmp_path):
    Database(str(tmp_path / "results.db"), create=True).close()
    result = surroundings.run(*arguments, "--db", tmp_path / "results.db", PYTHONPROFILEIMPORTTIME=1)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert result.code == 0
    assert "sqlalchemy" in imported
    assert not imported & {"torch", "matplotlib", "ray"}


def test_settings_are_shown_without_heavy_imports(surroundings):
    result = surroundings.run("config", "show", PYTHONPROFILEIMPORTTIME=1)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert result.code == 0
    assert not imported & {"torch", "ray", "sqlalchemy", "numba", "matplotlib"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_narrow_terminal(name, surroundings):
    result = surroundings.run_here(name, "--help", COLUMNS=40)
    assert result.code == 0
    assert max(map(len, result.stdout.splitlines())) <= 40


def test_help_touches_no_database(surroundings):
    surroundings.run("run", "--help")
    assert not surroundings.database.parent.exists()
    assert list(surroundings.work.iterdir()) == []

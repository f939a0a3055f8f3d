"""The public names: they exist, are documented, and are imported only when asked for."""

import inspect
import subprocess
import sys
from dataclasses import fields
from importlib import import_module

import pytest

import lodo_bench
from lodo_bench.api.requests import RunRequest, TuneRequest, WorkersRequest

HEAVY = {"torch", "numpy", "ray", "sqlalchemy", "typer", "rich"}


def test_the_names_are_sorted_and_each_is_there_once():
    order = sorted(set(lodo_bench.__all__), key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert lodo_bench.__all__ == order
    assert set(lodo_bench.__all__) <= set(dir(lodo_bench))


@pytest.mark.parametrize("name", lodo_bench.__all__)
def test_a_name_is_documented_and_is_what_its_module_defines(name):
    member = getattr(lodo_bench, name)
    assert inspect.getdoc(member)
    assert getattr(import_module(member.__module__), name) is member


def test_what_modules_define_and_the_names_agree():
    named = {name for names in lodo_bench._MODULES.values() for name in names}
    errors = {"DatabaseError", "LodoBenchError", "UnknownNameError", "UsageError"}
    assert named | errors == set(lodo_bench.__all__)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lodo_bench' has no attribute 'nothing'"):
        _ = lodo_bench.nothing


def test_the_import_of_the_package_is_light():
    script = "import lodo_bench, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_arguments_of_tune_are_those_of_its_request():
    assert_same(lodo_bench.tune, TuneRequest(""), WorkersRequest(), own={"progress"})


def test_arguments_of_run_are_those_of_its_request():
    assert_same(lodo_bench.run, RunRequest(()), own={"progress", "optimizer"}, theirs={"optimizers"})


def assert_same(function, *requests, own, theirs=frozenset()):
    """Check names and defaults; empty containers are written as None in signatures."""
    arguments = inspect.signature(function).parameters
    values = {field.name: getattr(request, field.name) for request in requests for field in fields(request)}
    assert set(arguments) - own == set(values) - theirs - {"command"}
    for name, argument in arguments.items():
        if name not in own and argument.default is not inspect.Parameter.empty:
            assert (argument.default or None) == (values[name] or None), name


def test_the_commands_have_the_defaults_of_the_library():
    from lodo_bench.cli.run import run
    from lodo_bench.cli.tune import tune

    for command, function in ((run, lodo_bench.run), (tune, lodo_bench.tune)):
        ours, theirs = inspect.signature(command).parameters, inspect.signature(function).parameters
        for name in (set(ours) & set(theirs)) - {"optimizers", "optimizer"}:
            assert ours[name].default == theirs[name].default, name

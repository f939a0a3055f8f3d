"""Registries: names in order, classes on demand, and helpful errors."""

import pytest

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.adam import Adam
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.registry import Registry
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.quadratic import Quadratic

PATHS = {"ordered": "collections:OrderedDict", "fraction": "fractions:Fraction", "gone": "no_such_module:Thing"}


def test_names_keep_the_order_of_the_table():
    assert Registry("thing", PATHS).names == ("ordered", "fraction", "gone")


def test_the_table_is_copied():
    paths = dict(PATHS)
    registry = Registry("thing", paths)
    paths.clear()
    assert len(registry.names) == 3


def test_a_class_is_imported_only_when_asked_for():
    registry = Registry("thing", PATHS)
    assert registry.check("gone") == "gone"
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        registry.load("gone")


def test_a_name_gives_its_class():
    assert OPTIMIZERS.load("adam") is Adam
    assert OPTIMIZERS.load("lodo") is Lodo
    assert TASKS.load("quadratic") is Quadratic


@pytest.mark.parametrize("ask", ["check", "load"])
def test_an_unknown_name_is_refused_with_the_nearest_and_all_known(ask):
    with pytest.raises(UsageError) as caught:
        getattr(Registry("thing", PATHS), ask)("fractoin")
    assert isinstance(caught.value, UnknownNameError)
    assert str(caught.value) == "unknown thing 'fractoin'. Did you mean 'fraction'? Known: fraction, gone, ordered."


def test_an_empty_registry_says_that_there_are_none():
    with pytest.raises(UnknownNameError, match=r"^unknown thing 'x'\. There are none\.$"):
        Registry("thing", {}).load("x")


@pytest.mark.parametrize(("registry", "base"), [(OPTIMIZERS, Optimizer), (TASKS, Task)])
def test_every_registered_class_is_of_its_kind(registry, base):
    assert all(issubclass(registry.load(name), base) for name in registry.names)

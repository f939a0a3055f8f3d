"""Registries: names in order, classes on demand, and helpful errors."""

import pytest

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.optimizers import OPTIMIZERS
from lodo_bench.optimizers.adam import Adam
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.optimizers.lodo import Lodo
from lodo_bench.optimizers.momentum import Momentum
from lodo_bench.registry import Registry
from lodo_bench.tasks import TASKS
from lodo_bench.tasks.base import Task
from lodo_bench.tasks.quadratic import Quadratic

PATHS = {"ordered": "collections:OrderedDict", "fraction": "fractions:Fraction", "gone": "no_such_module:Thing"}


def test_names_keep_the_order_of_the_table():
    assert Registry("thing", object, PATHS).names == ("ordered", "fraction", "gone")


def test_the_table_is_copied():
    paths = dict(PATHS)
    registry = Registry("thing", object, paths)
    paths.clear()
    assert len(registry.names) == 3


def test_a_class_is_imported_only_when_asked_for():
    registry = Registry("thing", object, PATHS)
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
        getattr(Registry("thing", object, PATHS), ask)("fractoin")
    assert isinstance(caught.value, UnknownNameError)
    assert str(caught.value) == "unknown thing 'fractoin'. Did you mean 'fraction'? Known: fraction, gone, ordered."


def test_an_empty_registry_says_that_there_are_none():
    with pytest.raises(UnknownNameError, match=r"^unknown thing 'x'\. There are none\.$"):
        Registry("thing", object, {}).load("x")


@pytest.mark.parametrize(("registry", "base"), [(OPTIMIZERS, Optimizer), (TASKS, Task)])
def test_every_registered_class_is_of_its_kind(registry, base):
    assert all(issubclass(registry.load(name), base) for name in registry.names)


class Mine(Momentum):
    pass


def test_a_path_serves_as_a_name():
    assert OPTIMIZERS.check(f"{__name__}:Mine") == f"{__name__}:Mine"
    assert OPTIMIZERS.load(f"{__name__}:Mine") is Mine
    assert OPTIMIZERS.name_of(Mine) == f"{__name__}:Mine"
    assert OPTIMIZERS.name_of(Adam) == "adam"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "no_such_module:Thing",
            "optimizer 'no_such_module:Thing' cannot be imported: there is no module 'no_such_module'",
        ),
        ("fractions:Fractoin", "unknown name 'Fractoin' of fractions. Did you mean 'Fraction'?"),
        ("fractions:", "optimizer 'fractions:' is not of the form package.module:Class."),
        (":Fraction", "optimizer ':Fraction' is not of the form package.module:Class."),
        ("fractions:Fraction", "optimizer 'fractions:Fraction' is not a subclass of lodo_bench.Optimizer or torch"),
        ("fractions:sys", "optimizer 'fractions:sys' is not a subclass of lodo_bench.Optimizer or torch.optim."),
    ],
)
def test_a_wrong_path_is_refused_in_one_clear_message(path, message):
    with pytest.raises(UsageError) as caught:
        OPTIMIZERS.load(path)
    assert str(caught.value).startswith(message)


def test_a_class_is_registered_for_a_while():
    with OPTIMIZERS.registered("mine", Mine):
        assert OPTIMIZERS.load("mine") is Mine
        assert OPTIMIZERS.name_of(Mine) == "mine"
        assert OPTIMIZERS.names[-1] == "mine"
    with pytest.raises(UnknownNameError):
        OPTIMIZERS.load("mine")


def test_a_class_that_no_other_process_can_import_has_no_name():
    class Local(Momentum):
        pass

    with pytest.raises(UsageError, match=r"optimizer .*Local cannot be imported by other processes"):
        OPTIMIZERS.name_of(Local)

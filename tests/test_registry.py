"""Registries: names in order, classes on demand, and helpful errors."""

import pytest

from lodo_bench import user_code
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


def test_a_file_that_another_machine_has_sent_is_used_instead_of_an_own_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(user_code, "_contents", {})
    name = "sent.py:Sent"
    (tmp_path / "sent.py").write_text(
        "from lodo_bench.optimizers.momentum import Momentum\nclass Sent(Momentum): pass\n"
    )
    files, version = user_code.files_of([name, "adam", "torch.optim.SGD"]), OPTIMIZERS.version(name)
    assert list(files) == ["sent.py"]
    (tmp_path / "sent.py").unlink()
    with pytest.raises(UsageError, match=r"cannot read 'sent\.py'"):
        OPTIMIZERS.load(name)
    user_code.provide(files)
    assert issubclass(OPTIMIZERS.load(name), Momentum)
    assert OPTIMIZERS.version(f"./{name}") == version


def test_a_file_that_has_changed_is_loaded_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    versions = []
    for number in (1, 2):
        (tmp_path / "new.py").write_text(f"from lodo_bench import Optimizer\nclass New(Optimizer): number = {number}\n")
        assert OPTIMIZERS.load("new.py:New").number == number
        versions.append(OPTIMIZERS.version("new.py:New"))
    assert versions[0] != versions[1]
    with pytest.raises(UsageError, match=f"expected {versions[0]}, found {versions[1]}"):
        OPTIMIZERS.check_version("new.py:New", *versions)


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

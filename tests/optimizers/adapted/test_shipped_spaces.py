"""The shipped spaces: they fit the installed packages, and avoid the traps of one-dimensional parameters."""

import inspect

import pytest
import torch

from lodo_bench import user_code
from lodo_bench.errors import SpaceError
from lodo_bench.files.yaml import parse
from lodo_bench.optimizers.adapted.space import Space, read_space, space_of
from lodo_bench.optimizers.adapted.space_files import shipped_names, shipped_text
from lodo_bench.tuner.space import SearchSpace

TORCH = {"SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "Rprop", "Muon"}
OTHERS = {
    "Lion",
    "Adan",
    "AdaBelief",
    "Prodigy",
    "Shampoo",
    "SOAP",
    "Kron",
    "MARS",
    "ScheduleFreeAdamW",
    "SophiaH",
}


def optimizer_of(name):
    return parse(shipped_text(name), name, "space", SpaceError).items()["optimizer"].text()


def class_of(name):
    optimizer = optimizer_of(name)
    pytest.importorskip(optimizer.partition(".")[0])
    if not hasattr(torch.optim, optimizer.rpartition(".")[2]) and optimizer.startswith("torch."):
        pytest.skip("not in this version of PyTorch")
    return user_code.load(optimizer, "optimizer")


def test_every_promised_optimizer_has_a_space():
    optimizers = {optimizer_of(name) for name in shipped_names()}
    others = {f"pytorch_optimizer.{name}" for name in OTHERS} | {"lodo_bench.LODO"}
    assert optimizers == {f"torch.optim.{name}" for name in TORCH} | others


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_space_fits_its_class(name):
    cls = class_of(name)
    space = read_space(name, cls, optimizer_of(name))
    assert space.tuned
    assert all(argument.range and argument.source for argument in space.tuned)
    arguments = inspect.signature(cls).parameters
    assert {argument.argument for argument in space.tuned} | set(space.fixed) | set(space.on_vectors) <= set(arguments)
    assert Space.from_json(space.to_json()) == space
    if name != "sgd-nesterov":
        assert space_of("any", cls) == space


@pytest.mark.parametrize("name", shipped_names())
def test_the_constructor_accepts_the_defaults_and_the_ends_of_every_range(name):
    cls = class_of(name)
    space = read_space(name, cls, optimizer_of(name))
    signature = inspect.signature(cls).parameters
    for end in (None, 0, 1):
        values = {}
        for argument in space.tuned:
            value = argument.default if end is None else argument.range[end]
            if argument.index is None:
                values[argument.argument] = value
            else:
                elements = list(values.get(argument.argument, signature[argument.argument].default))
                elements[argument.index] = value
                values[argument.argument] = tuple(elements)
        parameters = [torch.nn.Parameter(torch.eye(3))]
        cls(parameters, **{**space.fixed, **space.on_vectors, **values})


@pytest.mark.parametrize("name", shipped_names())
def test_a_search_starts_at_the_defaults(name):
    space = read_space(name, class_of(name), optimizer_of(name))
    search = SearchSpace([argument.hyperparameter for argument in space.tuned])
    expected = {argument.name: argument.default for argument in space.tuned}
    assert search.constrain(search.center) == pytest.approx(expected, rel=1e-12)


def test_the_traps_of_vectors_and_decoupled_decay():
    spaces = {name: read_space(name, class_of(name), optimizer_of(name)) for name in shipped_names()}
    assert spaces["mars"].on_vectors == {"optimize_1d": True}
    assert spaces["soap"].on_vectors == {"precondition_1d": True}
    assert spaces["kron"].on_vectors == {"min_ndim_triangular": 1}
    assert spaces["muon"].needs == ("matrices",)
    assert spaces["adamw"].fixed == {"weight_decay": 0.0}
    assert {argument.name for argument in spaces["adabelief"].tuned} >= {"lr", "eps"}
    assert "lr" not in {argument.name for argument in spaces["prodigy"].tuned}
    assert "d_coef" in {argument.name for argument in spaces["prodigy"].tuned}


def test_on_vectors_changes_what_the_optimizer_does_to_a_vector():
    # Without it, MARS ignores `lr` on a vector; with it, a larger `lr` makes larger steps.
    pytest.importorskip("pytorch_optimizer")
    cls = class_of("mars")
    extra = read_space("mars", cls, "pytorch_optimizer.MARS").on_vectors

    def moved(lr, **arguments):
        x = torch.nn.Parameter(torch.ones(4))
        optimizer = cls([x], lr=lr, weight_decay_1d=0.0, **arguments)
        x.grad = torch.arange(1.0, 5.0)
        optimizer.step()
        return (x - 1).norm().item()

    assert moved(0.1) == moved(0.001)
    assert moved(0.1, **extra) == pytest.approx(100 * moved(0.001, **extra), rel=1e-3)


def test_a_subclass_has_no_shipped_space():
    class Derived(torch.optim.AdamW):
        pass

    assert all(argument.range is None for argument in space_of("derived", Derived).tuned)

"""Saving and loading the state of an object."""

import pytest
import torch

from lodo_bench.errors import StateError
from lodo_bench.state import Checkpointable

CPU = torch.device("cpu")


class Inner(Checkpointable):
    state_names = ("number",)

    def __init__(self, number=1):
        self.number = number


class Outer(Checkpointable):
    state_names = ("vector", "former", "generator", "parts")

    def __init__(self):
        self.vector = torch.zeros(3)
        self.former = None
        self.generator = torch.Generator().manual_seed(0)
        self.parts = {"inner": Inner(), "list": (torch.ones(2), 1.5, "text", True)}
        self.constant = 7


class Derived(Outer):
    state_names = ("more",)

    def __init__(self):
        super().__init__()
        self.more = 0


def test_the_state_is_made_of_what_is_named_also_by_base_classes():
    assert list(Derived().state_dict()) == ["vector", "former", "generator", "parts", "more"]
    assert Inner(3).state_dict() == {"number": 3}


def test_everything_comes_back_and_tensors_keep_their_memory():
    first, second = Derived(), Derived()
    first.vector.add_(2)
    first.former = torch.ones(2, 2)
    first.parts["inner"].number = 5
    first.parts["list"][0].mul_(3)
    first.more = 9
    drawn = torch.rand(3, generator=first.generator)
    first.generator.manual_seed(0)
    address = second.vector.data_ptr()
    torch.rand(5, generator=second.generator)
    second.load_state_dict(first.state_dict(), CPU)
    assert second.vector.tolist() == [2, 2, 2] and second.vector.data_ptr() == address
    assert second.former.tolist() == [[1, 1], [1, 1]] and second.former is not first.former
    assert isinstance(second.parts["inner"], Inner) and second.parts["inner"].number == 5
    assert second.parts["list"][0].tolist() == [3, 3] and second.parts["list"][1:] == [1.5, "text", True]
    assert second.more == 9
    assert torch.equal(torch.rand(3, generator=second.generator), drawn)


def test_a_view_is_kept_without_the_rest_of_its_memory():
    outer = Outer()
    outer.vector = torch.zeros(1000, 3)[5]
    assert outer.state_dict()["vector"].untyped_storage().nbytes() == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vector": torch.zeros(4)}, r"\(3,\) torch.float32 is not \(4,\)"),
        ({"vector": torch.zeros(3, dtype=torch.float64)}, "float64"),
        ({"surplus": 1}, "Outer has"),
        ({"generator": 3}, "expected Tensor, not int"),
        ({"parts": {"inner": 3}}, "expected dict, not int"),
    ],
)
def test_the_state_of_something_else_is_refused(change, message):
    with pytest.raises(StateError, match=message):
        Outer().load_state_dict({**Outer().state_dict(), **change}, CPU)


def test_what_cannot_be_filed_is_refused():
    inner = Inner(object())
    with pytest.raises(TypeError, match="object cannot be part of a state"):
        inner.state_dict()

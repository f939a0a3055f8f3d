"""Spaces of classes: shipped, stated, inferred, or from a user's file; and how a mistake is answered."""

import re
from typing import ClassVar

import pytest
import torch

from lodo_bench.errors import SpaceError, UsageError
from lodo_bench.optimizers.adapted.space import Argument, Space, check_arguments, read_space, space_of


class Mine(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, betas=(0.8, 0.9), momentum=0.0, scale=2, decay_rate=0.5, flag=False, **kwargs):
        super().__init__(params, {"lr": lr})


GOOD = """optimizer: mine
source: The author.
tuned:
  betas[1]: {kind: decay, default: 0.95, range: [0.5, 0.999], source: guessed}
  lr: {kind: rate, default: 1e-3, range: [1e-5, 1]}
  scale: {kind: rate}
fixed: {momentum: 0.3, flag: false}
on_vectors: {flag: true, momentum: 0.3}
needs: [matrices]
horizon: decay_rate
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_users_file(write):
    space = read_space(write(GOOD), Mine, "mine")
    assert space == Space(
        tuned=(
            Argument("lr", "rate", 0.001, (1e-5, 1.0)),
            Argument("betas[1]", "decay", 0.95, (0.5, 0.999)),
            Argument("scale", "rate", 2.0),
        ),
        fixed={"momentum": 0.3},
        on_vectors={"flag": True},
        needs=("matrices",),
        horizon="decay_rate",
    )
    assert space.tuned[1].source == "guessed"


def test_the_order_in_the_file_and_values_that_change_nothing_do_not_matter(write):
    one = read_space(write("optimizer: mine\ntuned: {lr: {kind: rate}, 'betas[0]': {kind: decay}}"), Mine, "mine")
    other = read_space(
        write(
            "optimizer: mine\ntuned: {'betas[0]': {kind: decay, source: x}, lr: {default: 0.1, kind: rate}}\n"
            "fixed: {momentum: 0, scale: 2.0}"
        ),
        Mine,
        "mine",
    )
    assert one.to_json() == other.to_json()


def test_a_whole_number_is_a_float_where_the_constructor_has_one(write):
    texts = (f"optimizer: mine\ntuned: {{}}\nfixed: {{momentum: {one}, scale: 5}}" for one in ("1", "1.0"))
    whole, real = (read_space(write(text), Mine, "mine") for text in texts)
    assert whole.to_json() == real.to_json() == '{"fixed":{"momentum":1.0,"scale":5},"tuned":[]}'


def test_a_false_and_a_zero_are_different_fixed_values(write):
    space = read_space(write("optimizer: mine\ntuned: {}\nfixed: {momentum: false, flag: 0}"), Mine, "mine")
    assert space.fixed == {"momentum": False, "flag": 0}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("  lr:", "  learning_rate:", r"line 5: tuned.learning_rate: unknown constructor argument .* of mine.*Known: "),
        ("  lr:", "  lrr:", r"line 5: .* Did you mean 'lr'\?"),
        ("  lr:", "  kwargs:", r"line 5: tuned.kwargs: unknown constructor argument 'kwargs'"),
        ("  lr:", "  params:", r"unknown constructor argument 'params'"),
        ("  lr:", "  lr-x:", r"'lr-x' must be an argument such as lr, or an element of one such as betas\[0\]\."),
        ("  lr:", "  lr[0]:", r"tuned.lr\[0\]: lr of mine is not a tuple by default\. Write lr, without an index\."),
        ("betas[1]:", "betas[2]:", r"betas of mine has the elements betas\[0\] to betas\[1\] only\."),
        (
            "betas[1]:",
            "betas:",
            r"tuned.betas: betas of mine is a tuple\. Tune its elements, betas\[0\] to ",
        ),
        ("  lr: {kind: rate", "  lr: {kind: log", r"line 5: tuned.lr.kind must be rate or decay, not 'log'\."),
        ("  lr: {kind: rate, ", "  lr: {", r"line 5: missing key 'kind' in tuned.lr\. Required: kind\."),
        ("  lr: {kind: rate", "  lr: {kinds: rate", r"unknown key 'kinds' of tuned.lr\. Did you mean 'kind'\?"),
        ("default: 1e-3", "default: 0", r"line 5: tuned.lr.default must be a finite number greater than 0, not 0\."),
        ("default: 1e-3", "default: true", r"tuned.lr.default must be a finite number greater than 0, not True\."),
        (
            "default: 1e-3",
            "default: 2",
            r"line 5: tuned.lr: the default 2 is outside the range 1e-05 to 1\.",
        ),
        ("default: 0.95", "default: 1", r"tuned.betas\[1\].default must be a number greater than 0 and less than 1"),
        ("[1e-5, 1]", "[1, 1e-5]", r"tuned.lr.range must go from a smaller to a larger number, not from 1 to 1e-05\."),
        ("[1e-5, 1]", "[1, 1]", r"must go from a smaller to a larger number"),
        ("[1e-5, 1]", "[1e-5]", r"tuned.lr.range must be a list of two numbers, the smallest and the largest\."),
        ("[1e-5, 1]", "[1e-5, 1, 2]", r"tuned.lr.range must be a list of two numbers"),
        ("[1e-5, 1]", "1", r"tuned.lr.range must be a list of two numbers"),
        ("[1e-5, 1]", "[0, 1]", r"tuned.lr.range\[0\] must be a finite number greater than 0, not 0\."),
        ("[0.5, 0.999]", "[0.5, 1]", r"tuned.betas\[1\].range\[1\] must be a number greater than 0 and less than 1"),
        ("scale: {kind: rate}", "momentum: {kind: decay}", r"tuned.momentum: a decay must start at .* default 0\.0\."),
        ("fixed: {", "fixed: {eps: 1, ", r"line 7: fixed.eps: unknown constructor argument 'eps' of mine"),
        ("fixed: {", "fixed: {lr: 1, ", r"the argument lr is under 'tuned' and under 'fixed'\. Remove one of them\."),
        ("fixed: {", "fixed: {decay_rate: 1, ", r"decay_rate is under 'fixed' and under 'horizon'"),
        ("on_vectors: {", "on_vectors: {scale: 1, ", r"scale is under 'tuned' and under 'on_vectors'"),
        (
            "momentum: 0.3, flag: f",
            "momentum: {a: 1}, flag: f",
            r"fixed.momentum must be a number, a word, .* a list of them",
        ),
        ("momentum: 0.3, flag: f", "momentum: .nan, flag: f", r"fixed.momentum must be a number"),
        ("[matrices]", "[matrixes]", r"line 9: needs\[0\] must be hessian or matrices, not 'matrixes'\."),
        ("horizon: decay_rate", "horizon: steps", r"line 10: horizon: unknown constructor argument 'steps' of mine"),
        ("optimizer: mine\n", "", r"line 1: missing key 'optimizer'\. Add 'optimizer: mine'\."),
        ("optimizer: mine", "optimizer: torch.optim.SGD", r"line 1: this is a space of torch.optim.SGD, not of mine\."),
        ("tuned:", "tune:", r"line 3: unknown key 'tune' of the file\. Did you mean 'tuned'\?"),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_the_rule(write, before, after, message):
    assert before in GOOD
    with pytest.raises(SpaceError) as caught:
        read_space(write(GOOD.replace(before, after, 1)), Mine, "mine")
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_arguments_cannot_have_the_same_name(write):
    class Twice(Mine):
        def __init__(self, params, betas=(0.8, 0.9), beta1=0.5):
            super().__init__(params)

    path = write("optimizer: mine\ntuned: {beta1: {kind: decay}, 'betas[0]': {kind: decay}}")
    with pytest.raises(SpaceError, match=r"beta1 and betas\[0\] are both named beta1"):
        read_space(path, Twice, "mine")


def test_an_unknown_space_is_answered_with_the_nearest_shipped_one():
    with pytest.raises(SpaceError, match=r"no file 'sgd-nestrov', and unknown space .*Did you mean 'sgd-nesterov'\?"):
        read_space("sgd-nestrov", torch.optim.SGD, "torch.optim.SGD")


def test_a_shipped_space_is_for_its_own_optimizer_only():
    with pytest.raises(SpaceError, match=r"a space of torch.optim.SGD, not of torch.optim.AdamW"):
        read_space("sgd-nesterov", torch.optim.AdamW, "torch.optim.AdamW")


def test_a_file_may_use_any_path_of_the_class(write):
    for path in ("torch.optim.Adam", "torch.optim:Adam", "torch.optim.adam.Adam"):
        space = read_space(write(f"optimizer: {path}\ntuned: {{lr: {{kind: rate}}}}"), torch.optim.Adam, "named")
        assert space == Space((Argument("lr", "rate", 0.001),))


def test_what_is_not_known_is_inferred():
    inferred = Space(
        (Argument("lr", "rate", 0.1), Argument("betas[0]", "decay", 0.8), Argument("betas[1]", "decay", 0.9))
    )
    assert space_of("mine", Mine) == inferred


def test_only_values_of_their_kind_are_inferred():
    class Odd(torch.optim.Optimizer):
        def __init__(self, params, lr=None, betas=(0.0, None, 0.5, 1, True), alpha=0.5):
            super().__init__(params, {})

    class Required(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {})

    assert space_of("odd", Odd) == Space((Argument("betas[2]", "decay", 0.5),))
    assert space_of("required", Required) == Space((Argument("lr", "rate", 0.001),))


def test_arguments_without_a_default_need_a_file(write):
    class Planned(torch.optim.Optimizer):
        def __init__(self, params, lr, total, *, mode):
            super().__init__(params, {})

    with pytest.raises(UsageError, match=r"constructor of planned requires total, mode\. Write a space file"):
        space_of("planned", Planned)
    text = "optimizer: planned\ntuned: {lr: {kind: rate, default: 0.1}}\nhorizon: total\n"
    with pytest.raises(SpaceError, match=r"constructor of planned requires mode\. Give values under 'fixed'\."):
        read_space(write(text), Planned, "planned")
    space = read_space(write(text + "fixed: {mode: fast}"), Planned, "planned")
    assert (space.horizon, space.fixed) == ("total", {"mode": "fast"})
    with pytest.raises(SpaceError, match=r"tuned.lr: a rate must start at .*, and the constructor has no default"):
        read_space(write(text.replace(", default: 0.1", "")), Planned, "planned")


def test_a_class_may_state_its_space():
    class Stating(Mine):
        lodo_bench_space: ClassVar = {
            "tuned": {"lr": {"kind": "rate", "range": (1e-3, 10)}},
            "fixed": {"betas": (0.5, 0.6)},
        }

    space = space_of("stating", Stating)
    assert space == Space((Argument("lr", "rate", 0.1, (1e-3, 10.0)),), {"betas": [0.5, 0.6]})


def test_a_mistake_in_a_stated_space_names_the_class():
    class Stating(Mine):
        lodo_bench_space: ClassVar = {"tuned": {"lrr": {"kind": "rate"}}}

    with pytest.raises(SpaceError, match=r"lodo_bench_space of stating: tuned.lrr: unknown constructor argument 'lrr'"):
        space_of("stating", Stating)


def test_arguments_that_a_constructor_would_swallow_are_refused():
    Mine([torch.zeros(1)], anything=1)
    check_arguments(["lr", "scale"], Mine, "mine")
    with pytest.raises(UsageError, match=r"unknown constructor argument 'anything' of mine\. .*Known: betas, "):
        check_arguments(["lr", "anything"], Mine, "mine")

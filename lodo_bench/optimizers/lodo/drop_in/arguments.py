"""The arguments of the drop-in LODO: their presets, and what each may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeGuard, get_args

import numpy as np
from torch import Tensor

from lodo_bench.errors import UnknownNameError
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import META_OPTIMIZERS
from lodo_bench.optimizers.lodo.drop_in.structure import DtypeName, Settings

PresetName = Literal["light", "paper", "diagonal"]
StructureName = Literal["butterfly", "random", "diagonal"]

_COMMON: Mapping[str, Any] = {
    "beta": 0.9,
    "weight_decay": 0.0,
    "max_grad_norm": None,
    "warmup_steps": 0,
    "skip_nonfinite": False,
    "layers": 4,
    "block_size": 4,
    "hidden_dim": 0,
    "meta_eps": 1e-7,
    "preconditioner_dtype": "same",
    "seed": 0,
}
PRESETS: Mapping[PresetName, Mapping[str, Any]] = {
    "light": {
        **_COMMON,
        "lr": 1.0,
        "meta_lr": 1e-3,
        "structure": "butterfly",
        "meta_optimizer": "sign",
        "per_tensor": True,
    },
    "paper": {
        **_COMMON,
        "lr": 0.1,
        "meta_lr": 1e-4,
        "structure": "random",
        "layers": 16,
        "meta_optimizer": "adam",
        "per_tensor": False,
    },
    "diagonal": {
        **_COMMON,
        "lr": 1.0,
        "meta_lr": 1e-3,
        "structure": "diagonal",
        "meta_optimizer": "sign",
        "per_tensor": True,
    },
}
"""The values of all arguments, by the name of a preset."""
_OF_PRESET = [name for name in PRESETS["light"] if len({preset[name] for preset in PRESETS.values()}) > 1]
RATES = ("lr", "meta_lr", "beta", "weight_decay")
"""The arguments that may be tensors, and that a scheduler may change."""
STRUCTURAL = ("structure", "layers", "block_size", "hidden_dim", "meta_optimizer", "per_tensor", "preconditioner_dtype")
# What PyTorch and its schedulers keep in a group.
_OTHERS = ("params", "param_names", "name", "initial_lr", "max_lr", "min_lr", "swa_lr", "differentiable")
# A scheduler that ends at 0 may miss it by the rounding of its arithmetic.
_ROUNDING = 1e-12


def resolve(group: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a group, all of them.

    Args:
        group: its own, which count most. If its preset is another one than the optimizer's, then come the values in
            which presets differ.
        given: those of the optimizer, among them its preset.

    Raises:
        ValueError: one is unknown or out of range.
    """
    own = {name: value for name, value in group.items() if name not in _OTHERS}
    for name in own:
        if name not in _RULES:
            raise ValueError(str(UnknownNameError("argument of LODO", name, _RULES)))
    own = {name: _kept(name, value) for name, value in own.items() if value is not None or name in _OPTIONAL}
    given = {name: _kept(name, value) for name, value in given.items()}
    found = {**PRESETS[given["preset"]], **given}
    if own.get("preset", given["preset"]) != given["preset"]:
        found |= {name: PRESETS[own["preset"]][name] for name in _OF_PRESET}
    found |= own
    check_structure(found)
    return found


def check_structure(group: Mapping[str, Any]) -> None:
    """Make sure that the arguments that a state depends on are in their ranges, and fit each other.

    Raises:
        ValueError: they do not.
    """
    for name in (*STRUCTURAL, "preset", "seed"):
        plain(name, group[name])
    if group["structure"] == "butterfly" and group["block_size"] < 2:
        raise ValueError("block_size = 1 of LODO: must be at least 2 for the structure 'butterfly'.")
    if group["structure"] != "butterfly" and group["preconditioner_dtype"] != "same":
        raise ValueError(
            f"preconditioner_dtype = {group['preconditioner_dtype']!r} of LODO: must be 'same' for the structure "
            f"{group['structure']!r}; only 'butterfly' has weights in lower precision."
        )


def settings_of(group: Mapping[str, Any]) -> Settings:
    """Return the arguments of a group that its state depends on.

    Raises:
        ValueError: one is not in its range.
    """
    return Settings(**{name: plain(name, group[name]) for name in STRUCTURAL})


def rate(group: Mapping[str, Any], name: str) -> float:
    """Return the current value of a rate of a group, which a scheduler may have changed.

    Raises:
        ValueError: it is negative or not finite.
    """
    value = unwrapped(name, group[name])
    return 0.0 if isinstance(value, float) and -_ROUNDING < value < 0 else float(plain(name, value))


def plain(name: str, value: object) -> Any:
    """Return the value of an argument as a number, word or flag of Python.

    Raises:
        ValueError: it is not in its range.
    """
    if value is None and name in _OPTIONAL:
        return None
    value = unwrapped(name, value)
    is_valid, rule = _RULES[name]
    if not is_valid(value):
        raise ValueError(f"{name} = {value!r} of LODO: must be {rule}.")
    return value


def _kept(name: str, value: object) -> Any:
    """Return the value that a group keeps: a tensor in a rate stays one, as in torch.optim."""
    found = plain(name, value)
    return value if isinstance(value, Tensor) and name in RATES else found


def unwrapped(name: str, value: object) -> object:
    """Return the number of a tensor or of NumPy's as Python's."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element")  # in PyTorch's own words
    return value.item() if isinstance(value, Tensor | np.generic) else value


def is_number(value: object) -> TypeGuard[int | float]:
    """Return True for a number of Python, whatever it is."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(is_valid: Callable[[float], bool]) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        try:
            return is_number(value) and is_valid(float(value))
        except OverflowError:  # of an integer
            return False

    return check


def _integer(least: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _one_of(names: Any) -> tuple[Callable[[object], bool], str]:
    return lambda value: isinstance(value, str) and value in names, f"one of {', '.join(map(repr, names))}"


_RATE = _number(lambda value: 0 <= value < math.inf), "a finite number of at least 0"
_POSITIVE = _number(lambda value: 0 < value < math.inf), "a finite number greater than 0"
_FLAG = (lambda value: isinstance(value, bool)), "True or False"
_COUNT = _integer(0), "an integer of at least 0"
_OPTIONAL = ("max_grad_norm",)
_RULES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "lr": _RATE,
    "meta_lr": _RATE,
    "beta": (_number(lambda value: 0 <= value < 1), "in [0, 1)"),
    "preset": _one_of(get_args(PresetName)),
    "weight_decay": _RATE,
    "max_grad_norm": (_POSITIVE[0], "None or a finite number greater than 0"),
    "warmup_steps": _COUNT,
    "skip_nonfinite": _FLAG,
    "structure": _one_of(get_args(StructureName)),
    "layers": _COUNT,
    "block_size": (_integer(1), "an integer of at least 1"),
    "hidden_dim": _COUNT,
    "meta_optimizer": _one_of(tuple(META_OPTIMIZERS)),
    "meta_eps": _POSITIVE,
    "per_tensor": _FLAG,
    "preconditioner_dtype": _one_of(get_args(DtypeName)),
    "seed": (lambda value: isinstance(value, int) and not isinstance(value, bool), "an integer"),
}

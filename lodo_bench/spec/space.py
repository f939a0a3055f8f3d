"""The search space of an adapted optimizer: which constructor arguments are tuned, and the values of others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lodo_bench.spec.options import HyperparameterSpec, format_value

ArgumentKind = Literal["rate", "decay"]
FixedValue = bool | int | float | str | list[Any] | None
_PATH = re.compile(r"([A-Za-z_]\w*)(?:\[(0|[1-9][0-9]{0,8})\])?")


@dataclass(frozen=True, slots=True)
class Argument:
    """A constructor argument that is tuned, or one element of an argument that is a tuple.

    Args:
        path: `lr`, or `betas[0]` for an element.
        kind: `rate`, a number greater than 0 on a log scale, or `decay`, a number in (0, 1) on a logit scale.
        default: the value at which a search starts.
        range: the smallest and the largest value that a search tries; None for all values of its kind.
        source: what default and range rest on; equal arguments may have different sources.
    """

    path: str
    kind: ArgumentKind
    default: float
    range: tuple[float, float] | None = None
    source: str = field(default="", compare=False)

    @property
    def argument(self) -> str:
        """The name of the constructor's argument: `betas`."""
        return split_path(self.path)[0]

    @property
    def index(self) -> int | None:
        """The index of the element; None for a whole argument."""
        return split_path(self.path)[1]

    @property
    def name(self) -> str:
        """The name of the hyperparameter: `lr`; `beta1` for `betas[0]`."""
        return self.argument if self.index is None else f"{self.argument.removesuffix('s')}{self.index + 1}"

    @property
    def hyperparameter(self) -> HyperparameterSpec:
        """The hyperparameter that a search tunes."""
        return HyperparameterSpec(
            name=self.name,
            alias=self.name,
            kind=self.kind,
            default=self.default,
            description=f"constructor argument {self.path}",
            is_learning_rate=self.path == "lr",
            range=self.range,
        )


@dataclass(frozen=True, slots=True)
class Space:
    """A search space. Arguments that it does not name keep the constructor's own values.

    Args:
        tuned: the tuned arguments, in the order of the axes of the search.
        fixed: values of arguments that differ from the constructor's own, by name.
        on_vectors: further values where all parameters of a task are vectors, for optimizers that would treat them by
            a different, simpler rule; they take precedence over `fixed`.
        needs: what a task must offer beyond gradients: `matrices` or `hessian`.
        horizon: the argument that takes the planned number of steps; empty if there is none.
    """

    tuned: tuple[Argument, ...]
    fixed: Mapping[str, FixedValue] = field(default_factory=dict)
    on_vectors: Mapping[str, FixedValue] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    horizon: str = ""

    def to_json(self) -> str:
        """Return the space as text, equal for equal spaces; the sources are left out."""
        document = {
            "tuned": [_encode(argument) for argument in self.tuned],
            "fixed": dict(self.fixed),
            "on_vectors": dict(self.on_vectors),
            "needs": list(self.needs),
            "horizon": self.horizon,
        }
        filled = {key: value for key, value in document.items() if value or key == "tuned"}
        return json.dumps(filled, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Space:
        """Return the space that `to_json` wrote."""
        document = json.loads(text)
        return cls(
            tuned=tuple(_decode(argument) for argument in document["tuned"]),
            fixed=document.get("fixed", {}),
            on_vectors=document.get("on_vectors", {}),
            needs=tuple(document.get("needs", ())),
            horizon=document.get("horizon", ""),
        )

    def describe(self) -> str:
        """Return the space in one line: `tunes lr (rate, 0.001, range 1e-05 to 1); fixed: weight_decay = 0`."""
        tuned = ", ".join(_describe(argument) for argument in self.tuned)
        parts = [f"tunes {tuned or 'nothing'}"]
        if self.fixed:
            parts.append(f"fixed: {assignments(self.fixed)}")
        if self.on_vectors:
            parts.append(f"where all parameters are vectors: {assignments(self.on_vectors)}")
        if self.horizon:
            parts.append(f"{self.horizon} = the planned number of steps")
        return "; ".join([*parts, "all else as in its constructor"])


def split_path(path: str) -> tuple[str, int | None]:
    """Return the name of an argument and the index of its element: `betas`, 0 for `betas[0]`, and `lr`, None for `lr`.

    Raises:
        ValueError: for a text of another form.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise ValueError(f"'{path}' is neither an argument nor an element of one")
    return found[1], None if found[2] is None else int(found[2])


def range_text(bounds: tuple[float, float]) -> str:
    """Return a range as text: `1e-05 to 1`."""
    return f"{bounds[0]:g} to {bounds[1]:g}"


def _encode(argument: Argument) -> dict[str, object]:
    document: dict[str, object] = {"path": argument.path, "kind": argument.kind, "default": argument.default}
    return document if argument.range is None else {**document, "range": list(argument.range)}


def _decode(document: Mapping[str, Any]) -> Argument:
    bounds = document.get("range")
    return Argument(
        document["path"], document["kind"], document["default"], None if bounds is None else (bounds[0], bounds[1])
    )


def _describe(argument: Argument) -> str:
    bounds = "" if argument.range is None else f", range {range_text(argument.range)}"
    return f"{argument.name} ({argument.kind}, {argument.default:g}{bounds})"


def assignments(values: Mapping[str, FixedValue]) -> str:
    """Return values by name as text: `nesterov = true, weight_decay = 0`."""
    return ", ".join(f"{name} = {_text(value)}" for name, value in values.items())


def _text(value: FixedValue) -> str:
    """Return a value as it is written in YAML."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return format_value(value) if isinstance(value, float) else str(value)

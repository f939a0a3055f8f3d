"""The content of a space file, checked against the constructor's signature."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import cast, get_args

from lodo_bench.errors import UnknownNameError
from lodo_bench.files.yaml import YamlNode
from lodo_bench.optimizers.adapted.signature import declared_arguments, missing_arguments
from lodo_bench.spec.numbers import FINITE, POSITIVE, Reals
from lodo_bench.spec.space import Argument, ArgumentKind, FixedValue, Space, range_text, split_path
from lodo_bench.spec.text import is_plain
from lodo_bench.spec.training import Capability

_KEYS = ("optimizer", "source", "tuned", "fixed", "on_vectors", "needs", "horizon")
_ARGUMENT_KEYS = ("kind", "default", "range", "source")
_RANGES: Mapping[ArgumentKind, Reals] = {
    "rate": POSITIVE,
    "decay": Reals("a number greater than 0 and less than 1", lambda value: 0 < value < 1),
}
Signature = Mapping[str, inspect.Parameter]


def parse_space(node: YamlNode, cls: type, owner: str) -> Space:
    """Return the space that a document describes.

    The tuned arguments are in the order of the signature, and values that are the constructor's own are left out, so
    that equal spaces are equal however they are written.

    Args:
        node: the document.
        cls: the class of the optimizer.
        owner: its name, for messages.

    Raises:
        UsageError: of the node's kind, naming the place and the rule.
    """
    keys = node.mapping(_KEYS, required=("tuned",))
    signature = declared_arguments(cls, owner)
    tuned = _tuned(keys["tuned"], signature, owner)
    fixed = _fixed(keys.get("fixed"), signature, owner)
    on_vectors = _fixed(keys.get("on_vectors"), signature, owner)
    horizon = _argument_name(keys["horizon"], signature, owner) if "horizon" in keys else ""
    groups = {"tuned": [each.argument for each in tuned], "fixed": list(fixed), "horizon": [horizon] * bool(horizon)}
    _check_groups(node, groups)
    _check_groups(node, {**groups, "fixed": [], "on_vectors": list(on_vectors)})
    missing = missing_arguments((name for names in groups.values() for name in names), cls, owner)
    if missing:
        node.fail(f"the constructor of {owner} requires {', '.join(missing)}. Give values under 'fixed'.")
    own = {name: _plain(parameter.default) for name, parameter in signature.items()}
    changed = _differing(fixed, own)
    return Space(
        tuned=tuple(sorted(tuned, key=lambda each: (list(signature).index(each.argument), each.index or 0))),
        fixed=changed,
        on_vectors=_differing(on_vectors, {**own, **changed}),
        needs=_needs(keys["needs"]) if "needs" in keys else (),
        horizon=horizon,
    )


def _differing(values: Mapping[str, FixedValue], own: Mapping[str, object]) -> dict[str, FixedValue]:
    """Return the values that are not the constructor's own, in alphabetical order."""
    return {name: value for name, value in sorted(values.items()) if not _same(value, own[name])}


def _needs(node: YamlNode) -> tuple[str, ...]:
    rule = f"a list of {' or '.join(get_args(Capability))}"
    return tuple(sorted({each.choice(get_args(Capability)) for each in node.entries(rule, 0)}))


def _tuned(node: YamlNode, signature: Signature, owner: str) -> list[Argument]:
    found: dict[str, Argument] = {}
    for path, entry in node.items("a mapping from arguments to {kind: ..., default: ..., range: ...}").items():
        argument = _argument(path, entry, signature, owner)
        if argument.name in found:
            entry.fail(f"{found[argument.name].path} and {path} are both named {argument.name}. Remove one of them.")
        found[argument.name] = argument
    return list(found.values())


def _argument(path: str, node: YamlNode, signature: Signature, owner: str) -> Argument:
    own = _own_default(path, node, signature, owner)
    keys = node.mapping(_ARGUMENT_KEYS, required=("kind",))
    kind = cast(ArgumentKind, keys["kind"].choice(get_args(ArgumentKind)))
    if "default" in keys:
        default = keys["default"].number(_RANGES[kind])
    elif (found := _RANGES[kind].read(own)) is not None:
        default = found
    else:
        has = "has no default" if own is inspect.Parameter.empty else f"has the default {own!r}"
        node.fail(
            f"{node.path}: a {kind} must start at {_RANGES[kind].rule}, and the constructor {has}. Add 'default: ...'."
        )
    bounds = _range(keys["range"], kind) if "range" in keys else None
    if bounds is not None and not bounds[0] <= default <= bounds[1]:
        keys["range"].fail(
            f"{node.path}: the default {default:g} is outside the range {range_text(bounds)}. Change one of them."
        )
    return Argument(path, kind, default, bounds, keys["source"].text() if "source" in keys else "")


def _own_default(path: str, node: YamlNode, signature: Signature, owner: str) -> object:
    """Return the constructor's own value of an argument or an element, after checking that there is such a one."""
    try:
        name, index = split_path(path)
    except ValueError:
        node.fail(f"{node.path}: '{path}' must be an argument such as lr, or an element of one such as betas[0].")
    _check_known(name, node, signature, owner)
    own = signature[name].default
    if not isinstance(own, tuple | list):
        if index is not None:
            node.fail(f"{node.path}: {name} of {owner} is not a tuple by default. Write {name}, without an index.")
        return own
    if index is None:
        node.fail(f"{node.path}: {name} of {owner} is a tuple. Tune its elements, {name}[0] to {name}[{len(own) - 1}].")
    if index >= len(own):
        node.fail(f"{node.path}: {name} of {owner} has the elements {name}[0] to {name}[{len(own) - 1}] only.")
    return cast(object, own[index])


def _range(node: YamlNode, kind: ArgumentKind) -> tuple[float, float]:
    ends = node.entries("a list of two numbers, the smallest and the largest", 2)
    if len(ends) != 2:
        node.expect("a list of two numbers, the smallest and the largest")
    low, high = (end.number(_RANGES[kind]) for end in ends)
    if not low < high:
        node.fail(f"{node.path} must go from a smaller to a larger number, not from {low:g} to {high:g}.")
    return low, high


def _fixed(node: YamlNode | None, signature: Signature, owner: str) -> dict[str, FixedValue]:
    if node is None:
        return {}
    found: dict[str, FixedValue] = {}
    for name, entry in node.items("a mapping from arguments to values").items():
        _check_known(name, entry, signature, owner)
        if not _is_fixed_value(entry.value):
            entry.expect("a number, a word, true, false, null or a list of them")
        found[name] = _as_number_like(entry.value, signature[name].default)
    return found


def _as_number_like(value: object, own: object) -> FixedValue:
    """Return a whole number as a float where the constructor's own value is one: 1 and 1.0 are the same there."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(cast(int, value)) if is_whole and isinstance(own, float) else cast(FixedValue, value)


def _is_fixed_value(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_fixed_value(each) for each in value)
    if isinstance(value, str):
        return is_plain(value)
    if isinstance(value, float):
        return not math.isnan(value)
    return value is None or isinstance(value, bool) or (isinstance(value, int) and FINITE.read(value) is not None)


def _argument_name(node: YamlNode, signature: Signature, owner: str) -> str:
    name = node.text()
    _check_known(name, node, signature, owner)
    return name


def _check_known(name: str, node: YamlNode, signature: Signature, owner: str) -> None:
    if name not in signature:
        node.fail(f"{node.path}: {UnknownNameError('constructor argument', name, signature, of=owner)}")


def _check_groups(node: YamlNode, groups: Mapping[str, Iterable[str]]) -> None:
    """Check that no argument is in two of the groups."""
    seen: dict[str, str] = {}
    for key, names in groups.items():
        for name in names:
            if seen.setdefault(name, key) != key:
                node.fail(f"the argument {name} is under '{seen[name]}' and under '{key}'. Remove one of them.")


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _same(value: object, own: object) -> bool:
    return bool(value == own) and isinstance(value, bool) == isinstance(own, bool)

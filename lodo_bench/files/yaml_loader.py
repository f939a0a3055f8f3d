"""YAML 1.2's core schema, strictly: values with one meaning only, unique keys, merge keys, and limits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

import yaml
from typing_extensions import override

from lodo_bench.spec.numbers import number, shown

# What is read within seconds, and is far more than anybody writes.
MAX_SIZE = 1_000_000
_MAX_DEPTH = 100
_MAX_VALUES = 1_000_000

_PREFIX = "tag:yaml.org,2002:"
_STR, _NULL, _BOOL, _INT, _FLOAT = (f"{_PREFIX}{name}" for name in ("str", "null", "bool", "int", "float"))
_SEQ, _MAP, _MERGE = (f"{_PREFIX}{name}" for name in ("seq", "map", "merge"))
_AMBIGUOUS = "!ambiguous"
_SPECIAL: Mapping[str, float] = {"inf": math.inf, "nan": math.nan}
_Entry: TypeAlias = tuple[yaml.Node, yaml.Node]


def load(text: str) -> tuple[yaml.Node | None, object]:
    """Return a document as a node, with merge keys carried out, and as a value; None and None for an empty one.

    Raises:
        yaml.YAMLError: if it is not valid.
    """
    if len(text) > MAX_SIZE:
        raise yaml.YAMLError(f"it has {len(text):,} characters, and may have {MAX_SIZE:,}")
    node = _Composer(text).get_single_node()
    return node, None if node is None else _Reader().value(node, 0)


class _Composer(yaml.SafeLoader):
    """Parses text to nodes, of which those without a tag get one of the core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (as in the base class)
    _depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            _refuse(f"values are nested deeper than {_MAX_DEPTH} levels", parent)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _add(tag: str, pattern: str) -> None:
    _Composer.add_implicit_resolver(tag, re.compile(rf"(?:{pattern})$"), None)


_add(_NULL, r"~|null|Null|NULL|")
_add(_BOOL, r"true|True|TRUE|false|False|FALSE")
_add(_MERGE, r"<<")
_add(_INT, r"[-+]?(0|[1-9][0-9]*)")
_add(_FLOAT, r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_add(_FLOAT, r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
# Other values in YAML 1.1: numbers with leading zeros (octal), colons (sexagesimal) and underscores, and other bases.
_add(_AMBIGUOUS, r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9_]+)?|[-+]?\.[0-9][0-9_]*([eE][-+]?[0-9_]+)?")
_add(_AMBIGUOUS, r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[-+]?0([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)")
_add(_AMBIGUOUS, r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")


class _Reader:
    """Turns nodes into values."""

    def __init__(self) -> None:
        self._num_values = 0
        self._merged: set[int] = set()

    def value(self, node: yaml.Node, depth: int) -> object:
        """Return the value of a node; what an alias repeats is counted each time."""
        self._count(node, depth)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
            return [self.value(each, depth + 1) for each in node.value]
        if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
            self._merge(node, depth)
            return {key.value: self.value(each, depth + 1) for key, each in node.value}
        _refuse_tag(node)

    def _count(self, node: yaml.Node, depth: int) -> None:
        self._num_values += 1
        if depth > _MAX_DEPTH:
            _refuse("an alias is inside of what it stands for, or values are nested too deep", node)
        if self._num_values > _MAX_VALUES:
            _refuse(f"with its aliases, the file has more than {_MAX_VALUES:,} values", node)

    def _merge(self, node: yaml.MappingNode, depth: int) -> None:
        """Replace the merge key by the entries that it stands for; those beside it, and the first, take precedence.

        Keys must be unique, but for those that replace merged ones.
        """
        self._count(node, depth)
        if id(node) in self._merged:
            return
        self._merged.add(id(node))
        own: dict[str, _Entry] = {}
        merged: dict[str, _Entry] = {}
        for key, value in node.value:
            name = _key(key)
            is_merge = key.tag == _MERGE
            if name in own or (is_merge and merged):
                _refuse(f"duplicate key '{name}'", key)
            if is_merge:
                for entry in self._merged_entries(value, depth):
                    merged.setdefault(entry[0].value, entry)
            else:
                own[name] = key, value
        node.value = list({**merged, **own}.values())

    def _merged_entries(self, node: yaml.Node, depth: int) -> Iterator[_Entry]:
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(each, yaml.MappingNode):
                _refuse("a merge key << needs a mapping or a list of mappings, such as *name", node)
            self._merge(each, depth + 1)
            yield from each.value


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL:
        _refuse("a key must be a word", node)
    if node.tag != _MERGE:
        _scalar(node)
    return str(node.value)


def _scalar(node: yaml.ScalarNode) -> object:
    if node.tag not in _SCALARS:
        _refuse_tag(node)
    return _SCALARS[node.tag](node)


def _null(node: yaml.ScalarNode) -> None:
    if node.value not in ("", "~", "null", "Null", "NULL"):
        _refuse(f"'{node.value}' is not null", node)


def _boolean(node: yaml.ScalarNode) -> bool:
    word = node.value.lower()
    if word not in ("true", "false"):
        _refuse(f"'{node.value}' is neither true nor false", node)
    return bool(word == "true")


def _number(node: yaml.ScalarNode) -> float:
    sign, _, word = node.value.lower().partition(".")
    if word in _SPECIAL and sign in ("", "+", "-"):
        return -_SPECIAL[word] if sign == "-" else _SPECIAL[word]
    found = number(node.value)
    if found is None:
        _refuse(f"'{node.value}' is not a number", node)
    if isinstance(found, float) and not math.isfinite(found):
        _refuse(f"{shown(node.value)} is too large: the largest number is 1.8e308", node)
    return found


def _ambiguous(node: yaml.ScalarNode) -> NoReturn:
    word = node.value.lower()
    if word in ("yes", "on", "no", "off"):
        hint = f"Write {'true' if word in ('yes', 'on') else 'false'}"
    else:
        hint = "Write a number in digits, without leading zeros, underscores, colons and prefixes"
    _refuse(f"{node.value} is read in several ways. {hint}, or '{node.value}' in quotes for a text", node)


_SCALARS: Mapping[str, Callable[[Any], object]] = {
    _STR: lambda node: node.value,
    _MERGE: lambda node: node.value,
    _NULL: _null,
    _BOOL: _boolean,
    _INT: _number,
    _FLOAT: _number,
    _AMBIGUOUS: _ambiguous,
}


def _refuse_tag(node: yaml.Node) -> NoReturn:
    _refuse(f"the tag {node.tag.replace(_PREFIX, '!!')} has no meaning here. Omit it", node)


def _refuse(problem: str, node: yaml.Node | None) -> NoReturn:
    raise yaml.constructor.ConstructorError(None, None, problem, None if node is None else node.start_mark)

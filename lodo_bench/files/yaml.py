"""YAML files of users, read so that a mistake is answered with file, line, key and rule."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from lodo_bench.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value of a file, and where it stands.

    Attributes:
        value: as YAML gives it.
        path: the keys that lead to it, e.g. `generations[1].sigma`; empty for the whole file.
    """

    value: Any
    path: str
    _node: yaml.Node | None
    _file: str
    _error: type[UsageError]

    def fail(self, problem: str) -> NoReturn:
        """Complain of this value; `problem` names it and the rule."""
        raise self._error(f"{self._where(self._node)}: {problem}")

    def expect(self, rule: str) -> NoReturn:
        """Complain that this value is not what the rule says."""
        self.fail(f"{self.path or 'the file'} must be {rule}, not {self.value!r}.")

    def mapping(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, YamlNode]:
        """The entries of a mapping by key, which may have the `known` keys, and must have the `required` ones."""
        found = self.items(f"a mapping with the keys {', '.join(known)}")
        for key in found:
            if key not in known:
                where = self._where(self._key_node(key))
                problem = UnknownNameError("key", str(key), known, of=self.path or "the file")
                raise self._error(f"{where}: {problem}")
        for key in required:
            if key not in found:
                self.fail(f"{self.path or 'the file'} lacks the key '{key}'. It needs {', '.join(required)}.")
        return found

    def items(self, rule: str = "a mapping") -> dict[str, YamlNode]:
        """The entries of a mapping of any keys."""
        if not isinstance(self.value, dict):
            self.expect(rule)
        nodes = {} if self._node is None else {_plain(key): value for key, value in self._node.value}
        prefix = f"{self.path}." if self.path else ""
        return {
            key: YamlNode(value, f"{prefix}{key}", nodes.get(str(key), self._node), self._file, self._error)
            for key, value in self.value.items()
        }

    def entries(self, rule: str, at_least: int = 1) -> list[YamlNode]:
        """The entries of a list, which must have so many at least."""
        if not isinstance(self.value, list) or len(self.value) < at_least:
            self.fail(f"{self.path} must be {rule}.")
        nodes = self._node.value if isinstance(self._node, yaml.SequenceNode) else [self._node] * len(self.value)
        return [
            YamlNode(value, f"{self.path}[{index}]", node, self._file, self._error)
            for index, (value, node) in enumerate(zip(self.value, nodes, strict=True))
        ]

    def whole(self, at_least: int) -> int:
        """A whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < at_least:
            self.expect(f"a whole number, {at_least} or greater")
        return int(self.value)

    def positive(self) -> float:
        """A finite number above 0."""
        number = self.value
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= sys.float_info.max:
            self.expect("a finite number greater than 0")
        return float(number)

    def boolean(self) -> bool:
        """Yes or no."""
        if not isinstance(self.value, bool):
            self.expect("true or false")
        return bool(self.value)

    def text(self) -> str:
        """Some text."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.expect("some text")
        return str(self.value)

    def choice(self, choices: Sequence[str]) -> str:
        """One of a few words."""
        if self.value not in choices:
            self.expect(" or ".join(choices))
        return str(self.value)

    def name(self, kind: str, known: Iterable[str]) -> str:
        """One of many names; another is answered with the nearest."""
        names = tuple(known)
        if self.value not in names:
            self.fail(f"{self.path}: {UnknownNameError(kind, str(self.value), names)}")
        return str(self.value)

    def _key_node(self, key: Any) -> yaml.Node | None:
        keys = [] if self._node is None else [node for node, _ in self._node.value if _plain(node) == str(key)]
        return keys[0] if keys else self._node

    def _where(self, node: yaml.Node | None) -> str:
        return self._file if node is None else f"{self._file}, line {node.start_mark.line + 1}"


def parse(text: str, file: str, what: str, error: type[UsageError]) -> YamlNode:
    """A whole document.

    Args:
        text: YAML.
        file: what messages call it.
        what: what it should be, e.g. `schedule`.
        error: what its mistakes are raised as.

    Raises:
        UsageError: of the kind `error`, if it is no YAML.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:  # ValueError: a date that is in no calendar
        raise error(f"{what} {file} is no valid YAML: {' '.join(str(problem).split())}") from None
    return YamlNode(value, "", node, file, error)


def read(path: str, what: str, error: type[UsageError]) -> str:
    """The text of a file.

    Raises:
        FileNotFoundError: if there is none.
        UsageError: of the kind `error`, if it cannot be read.
    """
    try:
        return Path(path).read_text("utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{what} '{path}' cannot be read: {problem}.") from None


class _Loader(yaml.SafeLoader):
    """Reads YAML, and complains of a key that is given twice, where YAML itself would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-3, without a point, for a text.
_POWER_OF_TEN = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _POWER_OF_TEN, list("+-0123456789"))


def _plain(node: yaml.Node) -> str:
    """A key as it is written."""
    return str(node.value)

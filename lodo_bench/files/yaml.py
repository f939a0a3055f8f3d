"""YAML files written by users, read so that an error names file, line, key and rule."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import yaml
from typing_extensions import override

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.files.paths import user_path


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value in a YAML file, with its position.

    Attributes:
        value: the parsed value.
        path: the keys that lead to it, e.g. `generations[1].sigma`; empty for the whole file.
    """

    value: object
    path: str
    _node: yaml.Node | None
    _file: str
    _error: type[UsageError]

    def fail(self, problem: str) -> NoReturn:
        """Raise an error at this value; `problem` names the value and the rule."""
        raise self._error(f"{self._location(self._node)}: {problem}")

    def expect(self, rule: str) -> NoReturn:
        """Raise an error that this value does not satisfy `rule`."""
        self.fail(f"{self.path or 'the file'} must be {rule}, not {self.value!r}.")

    def mapping(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, YamlNode]:
        """Return the entries of a mapping by key. Keys that are not `known`, or `required` and missing, are errors."""
        entries = self.items(f"a mapping with the keys {', '.join(known)}")
        for key in entries:
            if key not in known:
                problem = UnknownNameError("key", key, known, of=self.path or "the file")
                raise self._error(f"{self._location(self._key_node(key))}: {problem}")
        for key in required:
            if key not in entries:
                self.fail(f"missing key '{key}' in {self.path or 'the file'}. Required: {', '.join(required)}.")
        return entries

    def items(self, rule: str = "a mapping") -> dict[str, YamlNode]:
        """Return the entries of a mapping with arbitrary keys."""
        if not isinstance(self.value, dict):
            self.expect(rule)
        nodes = {} if self._node is None else {str(key.value): value for key, value in self._node.value}
        prefix = f"{self.path}." if self.path else ""
        return {
            str(key): YamlNode(value, f"{prefix}{key}", nodes.get(str(key), self._node), self._file, self._error)
            for key, value in self.value.items()
        }

    def entries(self, rule: str, at_least: int = 1) -> list[YamlNode]:
        """Return the entries of a list with at least `at_least` of them."""
        if not isinstance(self.value, list) or len(self.value) < at_least:
            self.fail(f"{self.path} must be {rule}.")
        nodes = self._node.value if isinstance(self._node, yaml.SequenceNode) else [self._node] * len(self.value)
        return [
            YamlNode(value, f"{self.path}[{index}]", node, self._file, self._error)
            for index, (value, node) in enumerate(zip(self.value, nodes, strict=True))
        ]

    def integer(self, at_least: int) -> int:
        """Return an integer >= `at_least`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < at_least:
            self.expect(f"an integer, {at_least} or greater")
        return self.value

    def positive(self) -> float:
        """Return a finite number > 0."""
        number = self.value
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= sys.float_info.max:
            self.expect("a finite number greater than 0")
        return float(number)

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.expect("true or false")
        return self.value

    def text(self) -> str:
        """Return a string that is not blank."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.expect("a non-empty string")
        return self.value

    def choice(self, choices: Sequence[str]) -> str:
        """Return one of a few words."""
        if self.value not in choices:
            self.expect(" or ".join(choices))
        return str(self.value)

    def name(self, kind: str, known: Iterable[str]) -> str:
        """Return one of many names; an unknown one is answered with the nearest."""
        names = tuple(known)
        if self.value not in names:
            self.fail(f"{self.path}: {UnknownNameError(kind, str(self.value), names)}")
        return str(self.value)

    def _key_node(self, key: str) -> yaml.Node | None:
        keys = [] if self._node is None else [node for node, _ in self._node.value if str(node.value) == key]
        return keys[0] if keys else self._node

    def _location(self, node: yaml.Node | None) -> str:
        return self._file if node is None else f"{self._file}, line {node.start_mark.line + 1}"


def parse(text: str, file: str, what: str, error: type[UsageError]) -> YamlNode:
    """Parse a document.

    Args:
        text: YAML.
        file: the name of the file, for messages.
        what: the kind of document, for messages, e.g. `schedule`.
        error: the class of all errors in the document.

    Raises:
        UsageError: an `error`, if `text` is not valid YAML.
    """
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:  # ValueError: a date such as 2020-13-45
        raise error(f"{what} {file} is not valid YAML: {' '.join(str(problem).split())}") from None
    return YamlNode(value, "", node, file, error)


def read(path: str, what: str, error: type[UsageError]) -> str:
    """Read the text of a file; `~` is the home directory.

    Raises:
        FileNotFoundError: if it does not exist.
        UsageError: an `error`, if it cannot be read.
    """
    try:
        return user_path(path, what, error).read_text("utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{what} '{path}' cannot be read: {problem}.") from None


class _StrictLoader(yaml.SafeLoader):
    """A loader that refuses duplicate keys, of which YAML would silently take the last."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key '{key}'", node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-3, without a decimal point, for a string.
_POWER_OF_TEN = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:float", _POWER_OF_TEN, list("+-0123456789"))

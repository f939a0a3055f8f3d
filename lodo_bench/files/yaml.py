"""YAML files written by users, read so that an error names file, line, key and rule."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import yaml

from lodo_bench.errors import UnknownNameError, UsageError
from lodo_bench.files.paths import user_path
from lodo_bench.files.yaml_loader import MAX_SIZE, load
from lodo_bench.spec.numbers import N, Range, shown
from lodo_bench.spec.text import PLAIN, is_plain


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
        self.fail(f"{self.path or 'the file'} must be {rule}, not {_quoted(self.value)}.")

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

    def number(self, limits: Range[N]) -> N:
        """Return a number within limits."""
        found = limits.read(self.value)
        if found is None:
            self.fail(f"{self.path or 'the file'} {limits.problem(self.value)}, not {_quoted(self.value)}.")
        return found

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.expect("true or false")
        return self.value

    def text(self) -> str:
        """Return a string that is not blank, of one or more lines."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.expect("a non-empty string")
        if not is_plain(self.value, "\n\t"):
            self.expect(f"a text {PLAIN}")
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
    """Parse a document, by the core schema of YAML 1.2, with merge keys (`<<`).

    What other versions of YAML read as another value is refused: `010`, `1:40`, `1_000`, `0x10`, `yes` and `off`.

    Args:
        text: YAML.
        file: the name of the file, for messages.
        what: the kind of document, for messages, e.g. `schedule`.
        error: the class of all errors in the document.

    Raises:
        UsageError: an `error`, if `text` is not valid YAML, too large, too deep, or grows too much by its aliases.
    """
    try:
        node, value = load(text)
    except yaml.YAMLError as problem:
        raise error(f"{what} {file} is not valid YAML: {_described(problem)}.") from None
    return YamlNode(value, "", node, file, error)


def read(path: str, what: str, error: type[UsageError]) -> str:
    """Read the text of a file: UTF-8, or UTF-16 with a byte order mark; `~` is the home directory.

    Raises:
        FileNotFoundError: if it does not exist.
        UsageError: an `error`, if it cannot be read, or is too large.
    """
    try:
        with open(user_path(path, what, error), "rb") as file:
            content = file.read(4 * MAX_SIZE + 1)  # a character has four bytes at most
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as problem:  # ValueError: a path that cannot be one
        raise error(f"{what} '{path}' cannot be read: {getattr(problem, 'strerror', None) or problem}.") from None
    if len(content) > 4 * MAX_SIZE:
        raise error(f"{what} '{path}' cannot be read: it is larger than {4 * MAX_SIZE:,} bytes.")
    try:
        return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{what} '{path}' cannot be read: it is not text in UTF-8. Save it as UTF-8.") from None


def _described(problem: yaml.YAMLError) -> str:
    """Return what is wrong, with its line."""
    if isinstance(problem, yaml.reader.ReaderError):
        return f"it contains the character U+{problem.character:04X}, which no text has"
    if not isinstance(problem, yaml.MarkedYAMLError):
        return str(problem)
    hint = ". Indent with spaces, not with tabs" if "'\\t'" in (problem.problem or "") else ""
    mark = problem.problem_mark or problem.context_mark
    where = "" if mark is None else f"line {mark.line + 1}: "
    return f"{where}{', '.join(filter(None, (problem.context, problem.problem)))}{hint}"


def _quoted(value: object) -> str:
    """Return a value for a message, texts in quotes; in full if it is short."""
    return shown(repr(value)) if isinstance(value, str) else shown(value)

"""Search spaces in YAML files: those that are shipped, and the users' own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import resources

from lodo_bench.errors import SpaceError, UnknownNameError
from lodo_bench.files.yaml import YamlNode, parse, read
from lodo_bench.optimizers.adapted.space_parsing import parse_space
from lodo_bench.spec.space import Space
from lodo_bench.user_code import canonical

_PACKAGE = "lodo_bench.optimizers"
_FOLDER, _SUFFIX = "spaces", ".yaml"


def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped files, in alphabetical order."""
    files = resources.files(_PACKAGE).joinpath(_FOLDER).iterdir()
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)))


def shipped_text(name: str) -> str:
    """Return the text of a shipped file."""
    return resources.files(_PACKAGE).joinpath(_FOLDER, name + _SUFFIX).read_text("utf-8")


def shipped_space(cls: type) -> Space | None:
    """Return the shipped space of a class, which has the class's name in lower case; None if there is none."""
    name = cls.__name__.lower()
    if name not in shipped_names():
        return None
    node = _shipped(name)
    optimizer = node.items()["optimizer"].text()
    return parse_space(node, cls, optimizer) if _is_name_of(optimizer, cls) else None


def stated_space(stated: object, cls: type, name: str) -> Space:
    """Return the space that a class states as a mapping of the form of a file.

    Raises:
        SpaceError: if it is invalid.
    """
    node = YamlNode(_plain(stated), "", None, f"lodo_bench_space of {name}", SpaceError)
    return parse_space(node, cls, name)


def load_space(path: str, cls: type, name: str) -> Space:
    """Read the file at a path, or the shipped file with this name; see `read_space`."""
    if path in shipped_names():
        node = _shipped(path)
    else:
        try:
            node = parse(read(path, "space", SpaceError), path, "space", SpaceError)
        except FileNotFoundError:
            unknown = UnknownNameError("space", path, shipped_names())
            raise SpaceError(f"there is no file '{path}', and {unknown}") from None
    optimizer = node.items().get("optimizer")
    if optimizer is None:
        node.fail(f"missing key 'optimizer'. Add 'optimizer: {name}'.")
    if canonical(optimizer.text()) != canonical(name) and not _is_name_of(optimizer.text(), cls):
        optimizer.fail(f"this is a space of {optimizer.text()}, not of {name}. Choose a space of {name}.")
    return parse_space(node, cls, name)


def _shipped(name: str) -> YamlNode:
    return parse(shipped_text(name), f"space {name}", "space", SpaceError)


def _is_name_of(name: str, cls: type) -> bool:
    """Return true for every path at which a module that is already imported has the class."""
    module, _, attribute = name.replace(":", ".").rpartition(".")
    return getattr(sys.modules.get(module), attribute, None) is cls


def _plain(value: object) -> object:
    """Return the value with lists for tuples, as YAML has them."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value

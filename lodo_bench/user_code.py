"""Code outside this package, by name: import, version, and errors with the user's own line."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import TextIO

from lodo_bench.errors import EndOfProgramError, UnknownNameError, UsageError, in_words

_SUFFIX = ".py"
_DIGEST = "sha256:"
_contents: dict[str, bytes] = {}  # by path, of files that another machine has sent
_modules: dict[str, tuple[str, ModuleType]] = {}  # by path: digest and module


def is_path(name: str) -> bool:
    """Return true for a name of the form `file.py:Class`."""
    return name.partition(":")[0].endswith(_SUFFIX)


def is_outside(name: str) -> bool:
    """Return true for a name that has the form of one outside this package: `file.py:Class` or `package.module.Class`.

    A colon may stand for the last dot.
    """
    return ":" in name or "." in name


def is_local_module(name: str) -> bool:
    """Return true for the path of a class in a module that belongs to no installed package."""
    return is_outside(name) and not is_path(name) and version_of(name).startswith(_DIGEST)


def canonical(name: str) -> str:
    """Return the one form of the names of a class in a file: `./my.py:Mine` is `my.py:Mine`; others are kept."""
    if not is_path(name):
        return name
    path, colon, attribute = name.partition(":")
    return f"{os.path.normpath(os.path.expanduser(path))}{colon}{attribute}"


def load(name: str, kind: str) -> object:
    """Import and return what has this name; `kind` says in messages what it should be.

    Raises:
        UsageError: if there is no such file, module or attribute, or the code raises an error; with the user's line.
    """
    if is_path(name):
        path, _, attribute = name.partition(":")
        if not attribute:
            raise UsageError(f"{kind} '{name}' names a file only. Add the class: {path}:CLASS.")
        return _attribute(_file_module(path, kind), attribute, name, kind)
    module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    if not (module and attribute):
        raise UsageError(f"{kind} '{name}' is not of the form package.module:Class.")
    return _attribute(_import_module(module, name, kind), attribute, name, kind)


def defined_classes(path: str, kind: str) -> dict[str, type]:
    """Return the classes that a file defines at its top level, by name; those that it only imports are left out.

    Raises:
        UsageError: as `load`.
    """
    module = _file_module(os.path.normpath(os.path.expanduser(path)), kind)
    classes = {name: value for name, value in vars(module).items() if isinstance(value, type)}
    return {name: cls for name, cls in classes.items() if (cls.__module__, cls.__name__) == (module.__name__, name)}


def version_of(name: str) -> str:
    """Return the version of the code with this name, which `load` accepts: `torch 2.13.0`, or `sha256:` and a digest.

    Code of an installed package has the package's version; all other code that of its file's content.
    """
    if is_path(name):
        return _digest(_content(name.partition(":")[0]))
    module = name.partition(":")[0] if ":" in name else name.rpartition(".")[0]
    return _module_version(module)


def files_of(names: Sequence[str]) -> dict[str, bytes]:
    """Return the contents of the files among the names, by path, for `provide`."""
    paths = dict.fromkeys(name.partition(":")[0] for name in names if is_path(name))
    return {path: _content(path) for path in paths}


def provide(files: Mapping[str, bytes]) -> None:
    """Use these contents, by path, instead of this machine's files."""
    _contents.update(files)


@contextmanager
def foreign() -> Iterator[None]:
    """Run code outside this package: what it prints goes to standard error, and it cannot end the program.

    Standard output has the results, often for another program.

    Raises:
        EndOfProgramError: if the code wants to end it.
    """
    _aside.enter()
    try:
        yield
    except (SystemExit, GeneratorExit) as error:
        raise EndOfProgramError(in_words(error)).with_traceback(error.__traceback__) from None
    finally:
        _aside.leave()


class _Aside:
    """Standard output as long as any thread runs code outside this package: standard error in its place."""

    def __init__(self) -> None:
        self._lock, self._depth = threading.Lock(), 0
        self._before: TextIO | None = None

    def enter(self) -> None:
        """Put it aside, unless it is."""
        with self._lock:
            if not self._depth:
                self._before, sys.stdout = sys.stdout, sys.stderr
            self._depth += 1

    def leave(self) -> None:
        """Put it back, if this is the last one that leaves."""
        with self._lock:
            self._depth -= 1
            if not self._depth and self._before is not None:
                sys.stdout, self._before = self._before, None


_aside = _Aside()


def location(error: BaseException) -> str:
    """Return the place in code outside this package where an error arose, `file.py, line 3`; empty if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}, line {error.lineno}"
    own = str(Path(__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        is_library = "site-packages" in frame.filename or frame.filename.startswith((own, sys.base_prefix, "<frozen"))
        if not is_library:
            return f"{_short(frame.filename)}, line {frame.lineno}"
    return ""


def describe(error: BaseException) -> str:
    """Return an error in one line, with its place in the user's code: `my.py, line 3: ValueError: too small`."""
    text = in_words(error).splitlines()[0]
    if isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error.msg}"
    where = location(error)
    return f"{where}: {text}" if where else text


def _attribute(module: ModuleType, attribute: str, name: str, kind: str) -> object:
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            classes = [key for key, value in vars(module).items() if isinstance(value, type)]
            own = [key for key in classes if vars(module)[key].__module__ == module.__name__]
            of = name.rpartition(part)[0][:-1] if part else name
            raise UnknownNameError("name", part, own if is_path(name) else classes, of=of)
        found = getattr(found, part)
    return found


def _import_module(module: str, name: str, kind: str) -> ModuleType:
    try:
        with foreign():
            return import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(f"{missing}."):
            raise UsageError(
                f"{kind} '{name}' cannot be imported: there is no module '{missing}' here. Install its package, or "
                f"give a file: ./my_file.py:CLASS."
            ) from None
        raise _import_failure(name, kind, error) from None
    except Exception as error:  # whatever the user's code raises
        raise _import_failure(name, kind, error) from None


def _file_module(path: str, kind: str) -> ModuleType:
    content = _content(path)
    digest = _digest(content)
    if path in _modules and _modules[path][0] == digest:
        return _modules[path][1]
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # modules beside it
    name = f"lodo_bench_file_{hashlib.sha256(path.encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = os.path.abspath(path)
    sys.modules[name] = module
    try:
        with foreign():
            exec(compile(content, path, "exec"), vars(module))
    except Exception as error:  # whatever the user's code raises
        del sys.modules[name]
        raise _import_failure(path, kind, error) from None
    _modules[path] = digest, module
    return module


def _import_failure(name: str, kind: str, error: Exception) -> UsageError:
    return UsageError(f"{kind} '{name}' cannot be imported: {describe(error)}.")


def _content(path: str) -> bytes:
    if path in _contents:
        return _contents[path]
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}. Give the path of a Python file.") from None


@cache
def _module_version(module: str) -> str:
    top = module.partition(".")[0]
    for distribution in metadata.packages_distributions().get(top, ()):
        number = metadata.version(distribution).partition("+")[0]  # the same release for a CPU and for GPUs
        return f"{distribution} {number}"
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin or not os.path.isfile(spec.origin):
        return ""
    return _digest(Path(spec.origin).read_bytes())


def _digest(content: bytes) -> str:
    return f"{_DIGEST}{hashlib.sha256(content).hexdigest()[:16]}"


def _short(filename: str) -> str:
    relative = os.path.relpath(filename)
    return filename if relative.startswith("..") else relative

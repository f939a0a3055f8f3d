"""The tree of checks, as pytest's collectors and items: file, class, property."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lodo_bench import user_code
from lodo_bench.compute.selection import use_backend
from lodo_bench.conformance.checks import checks_of
from lodo_bench.conformance.discovery import Checked, classes_in, load_class
from lodo_bench.errors import LodoBenchError

_PACKAGE = Path(__file__).parents[2]


class ConformanceCollection:
    """A plugin that adds the checks of some classes to those tests that pytest finds.

    Args:
        names: files, and names of classes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(dict.fromkeys(names))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Append a collector for each name to what the session has collected."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result = [*report.result, *(_collector(collector, name) for name in self._names)]
        return report


class CheckedFile(pytest.File):
    """A file whose classes are checked.

    Args:
        checked: the file, `my.py`, for all classes that it defines, or `my.py:Class` for a single one.
    """

    def __init__(self, *, checked: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._checked = checked

    @override
    def collect(self) -> Iterator[pytest.Collector]:
        _, _, single = self._checked.partition(":")
        classes = {single: load_class(self._checked)} if single else classes_in(self._checked)
        for name, kind in classes.items():
            yield CheckedClass.from_parent(self, name=name, kind=kind)

    @override
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> Any:
        return _describe(excinfo)


class CheckedClass(pytest.Collector):
    """A class with its checks.

    Args:
        kind: the optimizer or task; None to load it by the name of this node.
    """

    def __init__(self, *, kind: Checked | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._kind = kind

    @override
    def collect(self) -> Iterator[pytest.Item]:
        for name, check in checks_of(self._kind or load_class(self.name)).items():
            yield Property.from_parent(self, name=name, check=check)

    @override
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> Any:
        return _describe(excinfo)


class Property(pytest.Item):
    """A property of a class, with the check of it."""

    def __init__(self, *, check: Callable[[], None], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._check = check

    @override
    def runtest(self) -> None:
        with use_backend("torch"):
            self._check()

    @override
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> Any:
        return _describe(excinfo)

    @override
    def reportinfo(self) -> tuple[Path, None, str]:
        owner = self.parent.name if self.parent else ""
        return self.path, None, f"{owner}: {self.name}"


def _collector(session: pytest.Session, name: str) -> pytest.Collector:
    if user_code.is_path(name):
        path = session.config.invocation_params.dir / name.partition(":")[0]
        return CheckedFile.from_parent(session, path=path, checked=name)
    return CheckedClass.from_parent(session, name=name, nodeid=name)


def _describe(excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """Return what pytest prints: the message of this package's errors; for others, the lines outside this package."""
    if isinstance(excinfo.value, LodoBenchError):
        return str(excinfo.value)
    own = [Path(entry.path).is_relative_to(_PACKAGE) for entry in excinfo.traceback]
    below = excinfo.traceback[own.index(True) :] if True in own else excinfo.traceback  # without pytest's lines
    lines = below.filter(lambda entry: not Path(entry.path).is_relative_to(_PACKAGE))
    if not lines:
        return excinfo.exconly()
    excinfo.traceback = lines
    return excinfo.getrepr(style="short", chain=False, tbfilter=False)

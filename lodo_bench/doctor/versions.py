"""Versions of Python and the packages, and whether they are in the ranges that this package supports."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from lodo_bench import __version__
from lodo_bench.doctor.finding import Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_PACKAGE = "lodo-bench"
# The extras that a user may want; that for developers is none.
_EXTRAS = ("cpu", "optimizers")


def check_versions() -> Iterator[Finding]:
    """Check Python and every package that this one depends on."""
    from packaging.requirements import Requirement

    yield Finding(f"{_PACKAGE} {__version__}")
    try:
        own = metadata.distribution(_PACKAGE)
    except metadata.PackageNotFoundError:
        yield Finding(
            f"{_PACKAGE} is not installed but runs from a folder, so that the supported versions are unknown",
            "warning",
            "pip install -e '.[cpu]'",
        )
        return
    yield _python(own.metadata["Requires-Python"] or "")
    for text in own.requires or ():
        requirement = Requirement(text)
        extra = _extra_of(requirement)
        if extra is not None:
            yield _package(requirement, extra)


def _python(supported: str) -> Finding:
    from packaging.specifiers import SpecifierSet

    found = platform.python_version()
    text = f"python {found} (supported: {supported or 'any'})"
    if SpecifierSet(supported).contains(found, prereleases=True):
        return Finding(text)
    return Finding(text, "problem", "Create an environment with a supported version of Python.")


def _extra_of(requirement: Requirement) -> str | None:
    """Return the extra that a requirement is part of, empty for none; None if it does not concern users here."""
    for extra in ("", *_EXTRAS):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            return extra
    return None


def _package(requirement: Requirement, extra: str) -> Finding:
    name, supported = requirement.name, str(requirement.specifier) or "any"
    install = f"pip install -U '{_PACKAGE}[{extra}]'" if extra else f"pip install -U '{name}{requirement.specifier}'"
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        if not extra:
            return Finding(f"{name} is not installed (supported: {supported})", "problem", install)
        if extra == "cpu":
            return Finding(f"{name} is not installed: small problems train several times as slowly", "warning", install)
        return Finding(f"{name} is not installed; it is optional ({install})")
    text = f"{name} {found} (supported: {supported})"
    if requirement.specifier.contains(found.partition("+")[0], prereleases=True):
        return Finding(text)
    return Finding(text, "problem", install)

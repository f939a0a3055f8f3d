"""Code that has changed since an unfinished study or run set was started."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from lodo_bench.errors import CodeChangedError
from lodo_bench.spec.run_set import RunSetSpec
from lodo_bench.spec.study import StudySpec

_Spec = TypeVar("_Spec", StudySpec, RunSetSpec)


def has_version(spec: StudySpec | RunSetSpec) -> bool:
    """Return True if a task or an optimizer is code that has a version, as that outside this package does."""
    return bool(spec.task.version or spec.optimizer.version)


def check_code(kind: str, number: int, stored: _Spec, spec: _Spec) -> None:
    """Refuse to start `spec` beside an unfinished one that is equal but for the version of its code."""
    if _without_versions(stored) != _without_versions(spec):
        return
    changed = spec.task if stored.task != spec.task else spec.optimizer
    former = stored.task if stored.task != spec.task else stored.optimizer
    raise CodeChangedError(kind, number, changed.name, former.version, changed.version)


def _without_versions(spec: _Spec) -> _Spec:
    return replace(spec, task=replace(spec.task, version=""), optimizer=replace(spec.optimizer, version=""))

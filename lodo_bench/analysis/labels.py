"""What rows of a table and lines of a picture are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.run_set import Hyperparameters


class Named(NamedTuple):
    """What a row or a line is of: `name` is the optimizer's."""

    name: str
    hyperparameters: Hyperparameters
    compute: ComputeSpec


def labels_of(named: Sequence[Named]) -> list[str]:
    """Their names, and where several have one name, what tells them apart."""
    labels = [each.name for each in named]
    for describe in (_swept, _source, _compute, _values):
        groups: dict[str, list[int]] = {}
        for index, label in enumerate(labels):
            groups.setdefault(label, []).append(index)
        for indices in groups.values():
            added = describe([named[index] for index in indices])
            if len(set(added)) > 1:
                for index, text in zip(indices, added, strict=True):
                    labels[index] = f"{labels[index]}, {text}" if text else labels[index]
    return labels


def _swept(named: Sequence[Named]) -> list[str]:
    """The value of the one hyperparameter that they differ in, where not even their sources tell all of them apart."""
    if len(_different(named)) != 1 or len(set(_source(named))) == len(named):
        return [""] * len(named)
    return _values(named)


def _source(named: Sequence[Named]) -> list[str]:
    return [each.hyperparameters.label for each in named]


def _compute(named: Sequence[Named]) -> list[str]:
    return [each.compute.label for each in named]


def _values(named: Sequence[Named]) -> list[str]:
    """Those hyperparameters of each that are not the same for all."""
    different, values = _different(named), [each.hyperparameters.values for each in named]
    return [", ".join(f"{name}={found[name]:.6g}" for name in different if name in found) for found in values]


def _different(named: Sequence[Named]) -> list[str]:
    values = [each.hyperparameters.values for each in named]
    names = dict.fromkeys(name for found in values for name in found)
    return [name for name in names if len({found.get(name) for found in values}) > 1]

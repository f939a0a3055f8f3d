"""Labels of rows and lines: names, made unique."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.run_set import Hyperparameters


class LabelParts(NamedTuple):
    """The parts of a label; `name` is the optimizer's."""

    name: str
    hyperparameters: Hyperparameters
    compute: ComputeSpec


def labels_of(named: Sequence[LabelParts]) -> list[str]:
    """Return the names, with what distinguishes those that share a name."""
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


def _swept(named: Sequence[LabelParts]) -> list[str]:
    """Return the value of the only hyperparameter that differs, unless the sources distinguish all of them."""
    if len(_different(named)) != 1 or len(set(_source(named))) == len(named):
        return [""] * len(named)
    return _values(named)


def _source(named: Sequence[LabelParts]) -> list[str]:
    return [each.hyperparameters.label for each in named]


def _compute(named: Sequence[LabelParts]) -> list[str]:
    return [each.compute.label for each in named]


def _values(named: Sequence[LabelParts]) -> list[str]:
    """Return the hyperparameters that differ."""
    different, values = _different(named), [each.hyperparameters.values for each in named]
    return [", ".join(f"{name}={found[name]:.6g}" for name in different if name in found) for found in values]


def _different(named: Sequence[LabelParts]) -> list[str]:
    values = [each.hyperparameters.values for each in named]
    names = dict.fromkeys(name for found in values for name in found)
    return [name for name in names if len({found.get(name) for found in values}) > 1]

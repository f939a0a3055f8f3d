"""Specifications in which device, dtype and backend are changed by name."""

from dataclasses import replace

from lodo_bench.spec.compute import ComputeSpec

CPU = ComputeSpec("cpu", "float64", "torch")


def changed(spec, changes):
    """Replace fields of a specification, and of its `compute`."""
    compute = {name: changes.pop(name) for name in ("device", "dtype", "backend") if name in changes}
    return replace(spec, compute=replace(spec.compute, **compute), **changes) if compute else replace(spec, **changes)

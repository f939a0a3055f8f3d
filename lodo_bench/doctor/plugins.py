"""Optimizers and tasks that installed packages declare as entry points."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

from lodo_bench.doctor.finding import Finding, first_line


def check_plugins() -> Iterator[Finding]:
    """Check that every entry point loads, as an optimizer or a task."""
    from lodo_bench.optimizers import OPTIMIZERS
    from lodo_bench.tasks import TASKS

    count = 0
    for kind, registry in (("optimizer", OPTIMIZERS), ("task", TASKS)):
        for name, entry in registry.entry_points.items():
            count += 1
            try:
                registry.load(name)
                yield Finding(f"{kind} {name}{_origin(entry)}")
            except Exception as error:  # whatever the code of others raises
                package = entry.dist.name if entry.dist else name
                text = f"{kind} {name}{_origin(entry)} does not load: {first_line(error)}"
                yield Finding(text, "problem", f"pip install -U {package}, or pip uninstall {package}")
    if not count:
        yield Finding("no installed package adds optimizers or tasks")


def _origin(entry: EntryPoint) -> str:
    return f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""

"""Where, when and with what a result was computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run's speed depends on; two runs on equal machines can be compared by the clock."""

    device: str
    cpu: str
    cores: int
    threads: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where, when and with what something was computed.

    Attributes:
        command: the command line.
        versions: of Python, lodo-bench, torch, numpy and, where used, ray.
        commit: of the working copy, `""` outside one.
        host: the machine's name.
        machine: what its speed depends on.
        started: UTC, ISO 8601.
    """

    command: str
    versions: Mapping[str, str]
    commit: str
    host: str
    machine: Machine
    started: str

"""Provenance: the place, time and software of a computation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware that a run's speed depends on; the times of runs on equal machines can be compared.

    Attributes:
        device: the name of the GPU, or `cpu`.
        cpu: the model of the CPU.
        cores: the number of logical CPUs.
        threads: the number of threads that compute.
    """

    device: str
    cpu: str
    cores: int
    threads: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """The place, time and software of a computation.

    Attributes:
        command: the command line.
        versions: versions of Python, lodo-bench and the packages it computes with, and of the data set.
        commit: the commit of the working copy; empty outside one.
        host: the name of the machine.
        machine: its hardware.
        started: UTC, ISO 8601.
        ended: likewise, when it last wrote something; empty while it runs.
        database: where several are read together, the one that it wrote to; else empty.
    """

    command: str
    versions: Mapping[str, str]
    commit: str
    host: str
    machine: Machine
    started: str
    ended: str = field(default="", compare=False)
    database: str = ""

"""The CPUs that this process may use: those of the machine, less what a batch job or a container leaves it."""

import os

import pytest

from lodo_bench.compute import cpus
from lodo_bench.compute.cpus import available_cpus


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend that a machine has 8 CPUs, that this process may run on some of them, and that its group has a limit."""

    def machine(allowed=8, limit=None):
        monkeypatch.setattr(os, "cpu_count", lambda: 8)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(allowed)), raising=False)
        monkeypatch.setattr(cpus, "_CGROUP_LIMIT", tmp_path / "cpu.max")
        if limit is not None:
            cpus._CGROUP_LIMIT.write_text(f"{limit}\n")

    return machine


@pytest.mark.parametrize("allowed", [1, 3, 8])
@pytest.mark.parametrize("limit", [None, "max 100000", "", "nonsense"])
def test_without_a_quota_they_are_those_of_the_affinity(machine, allowed, limit):
    machine(allowed, limit)
    assert available_cpus() == allowed


@pytest.mark.parametrize(
    ("limit", "count"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("100000 50000", 2), ("1600000 100000", 8)],
)
def test_a_quota_counts_the_cpus_that_it_takes_part_of(machine, limit, count):
    machine(8, limit)
    assert available_cpus() == count


def test_the_smaller_limit_counts(machine):
    machine(1, "400000 100000")
    assert available_cpus() == 1
    machine(6, "400000 100000")
    assert available_cpus() == 4


def test_where_there_is_no_affinity_they_are_those_of_the_machine(machine, monkeypatch):
    machine()
    monkeypatch.delattr(os, "sched_getaffinity")
    assert available_cpus() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus() == 1

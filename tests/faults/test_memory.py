"""Requests that do not fit in memory are refused before anything is computed; large ones are divided."""

import pytest
import torch

from lodo_bench.compute import memory
from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import ComputeSpec
from lodo_bench.spec.training import Individual, OptimizerSpec, TaskSpec
from lodo_bench.training import footprint
from lodo_bench.training.loop import train
from tests.cli.runner import Place
from tests.helpers import defaults, training_spec

TOO_LARGE = "a request for more memory than is free"
REFUSED = "refused with both numbers before anything is computed, exit code 2"
TORCH = ComputeSpec(backend="torch")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "momentum", "--task", "quadratic", "-T", "n=200000", "--untimed"),
        ("tune", "momentum", "--task", "quadratic", "-T", "n=200000", "--schedule", "smoke", "--workers", 2),
        ("tune", "momentum", "--task", "quadratic", "-T", "n=200000", "--schedule", "smoke", "--dry-run"),
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-1]}",
)
def test_what_cannot_fit_is_refused(place, arguments, injected):
    injected(TOO_LARGE, REFUSED)
    result = place.run_here(*arguments)
    assert result.code == 2
    assert "not enough memory: momentum on quadratic (dimension=200000) needs at least" in result.message
    assert "are free here" in result.message
    assert not place.count("runs") + place.count("studies")


def test_the_library_refuses_it_too(monkeypatch, injected):
    injected(TOO_LARGE, REFUSED)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 10**6)
    with pytest.raises(UsageError, match=r"needs at least \d+ MB, and 1 MB are free here"):
        train(training_spec("momentum", TaskSpec("quadratic", {"dimension": 300})))


@pytest.mark.parametrize(("device", "place"), [("cpu", "here"), ("cuda", "on the GPU")])
def test_the_message_names_the_parts(monkeypatch, device, place):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 3 * 10**9)
    with pytest.raises(UsageError, match=rf"8.0 GB \(2 workers\), and 3.0 GB are free {place}"):
        memory.check_fits("it", 8 * 10**9, device, "2 workers")
    memory.check_fits("it", 3 * 10**9, device)


def test_limits_of_a_container_and_of_the_process_count(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemAvailable: 9000 kB\nSwapFree: 1000 kB\n")
    (tmp_path / "cgroup").write_text("0::/job/step\n")
    job = tmp_path / "groups" / "job"
    (job / "step").mkdir(parents=True)
    for name, file in (("_MACHINE", "meminfo"), ("_OWN_GROUPS", "cgroup"), ("_GROUPS", "groups")):
        monkeypatch.setattr(memory, name, tmp_path / file)
    monkeypatch.setattr(memory, "_address_space", lambda: iter(()))
    assert memory.free_bytes("cpu") == 10_000 * 1024
    (job / "step" / "memory.max").write_text("max\n")
    (job / "memory.max").write_text("5000000\n")
    (job / "memory.current").write_text("3000000\n")
    (job / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    assert memory.free_bytes("cpu") == 2_500_000
    monkeypatch.setattr(memory, "_address_space", lambda: iter([-5]))
    assert memory.free_bytes("cpu") == 0
    monkeypatch.setattr(memory, "_limits", lambda: iter(()))
    assert memory.free_bytes("cpu") is None


@pytest.mark.parametrize(("optimizer", "matrices"), [("momentum", 1), ("bfgs", 2), ("lodo-dense", 2)])
def test_the_estimate_grows_as_the_state_does(optimizer, matrices):
    task = TaskSpec("quadratic", {"dimension": 4000})
    each = footprint.footprint(task, OptimizerSpec(optimizer), TORCH).each
    assert each == pytest.approx(matrices * 8 * 4000**2, rel=0.08)


def test_many_seeds_are_divided_into_batches():
    task, optimizer = TaskSpec("quadratic"), OptimizerSpec("adam")
    size = footprint.lockstep_size(task, optimizer, TORCH, 100, 20_000)
    assert 100 < size < 20_000
    assert size * footprint.footprint(task, optimizer, TORCH).each <= footprint.LOCKSTEP_BYTES
    assert footprint.lockstep_size(task, optimizer, TORCH, 100, 8) == 8
    assert footprint.lockstep_size(task, optimizer, TORCH, 10**9, 8) == 1


@pytest.mark.parametrize("optimizer", ["adam", "lodo", "l-bfgs", "bfgs", "newton"])
def test_the_size_of_a_batch_changes_no_value(optimizer):
    task, torch_only = TaskSpec("quadratic", {"dimension": 10}), TORCH
    people = tuple(Individual((seed,), defaults(optimizer)) for seed in range(7))

    def losses(individuals):
        spec = training_spec(optimizer, task, individuals=individuals, compute=torch_only, steps=30)
        return [torch.from_numpy(outcome.curve.losses) for outcome in train(spec)]

    whole = losses(people)
    parts = [curve for first in range(0, 7, 3) for curve in losses(people[first : first + 3])]
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))

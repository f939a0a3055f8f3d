"""DistributedDataParallel and ZeroRedundancyOptimizer, with two processes."""

import warnings

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

import lodo_bench
from tests.frameworks.processes import COUNT, in_processes
from tests.frameworks.small import RATES, SAVED, STEPS, each_preset, learned, lodo
from tests.optimizers.lodo.test_torch_optimizer import network, train

with warnings.catch_warnings(action="ignore"):  # it uses what PyTorch itself has deprecated
    from torch.distributed.optim import ZeroRedundancyOptimizer

pytestmark = pytest.mark.filterwarnings("ignore")


def train_replicas(rank, folder, preset, name, start):
    model = replicas(rank, start)
    optimizer = lodo(model.parameters(), preset)
    if start is not None:
        optimizer.load_state_dict(start["optimizer"])
    for step in steps(rank, folder, name, start, model, optimizer.state_dict):
        train(model, optimizer, 1, first=step)
    assert learned(optimizer)


def train_with_shared_state(rank, folder, preset, name, start):
    model = replicas(rank, start)
    optimizer = ZeroRedundancyOptimizer(model.parameters(), lodo_bench.LODO, preset=preset, **RATES)
    if start is not None:
        optimizer.load_state_dict(start["optimizer"])

    def whole_state():
        optimizer.consolidate_state_dict(to=0)
        return optimizer.state_dict() if rank == 0 else None

    for step in steps(rank, folder, name, start, model, whole_state):
        train(model, optimizer, 1, first=step)
    assert learned(optimizer.optim)


def replicas(rank, start):
    """A model, the same in all processes though each has built another one."""
    model = network(seed=rank)
    if start is not None:
        model.load_state_dict(start["model"])
    return DistributedDataParallel(model)


def steps(rank, folder, name, start, model, optimizer_state):
    """The steps of a training, each with a batch of one's own; saves it in the middle and at the end."""
    for step in range(SAVED if start else 0, STEPS):
        yield COUNT * step + rank
        if step + 1 in (SAVED, STEPS):
            state = {"model": model.module.state_dict(), "optimizer": optimizer_state()}
            torch.save(state, folder / f"{name}-{step + 1}-{rank}")


@pytest.mark.parametrize("work", [train_replicas, train_with_shared_state], ids=["DDP", "ZeRO"])
@each_preset
def test_replicas_stay_equal_and_resume(work, preset, tmp_path):
    def saved(name):
        return torch.load(tmp_path / name)

    in_processes(work, tmp_path, preset, "whole", None)
    start = saved(f"whole-{SAVED}-0")
    in_processes(work, tmp_path, preset, "resumed", start)
    whole = saved(f"whole-{STEPS}-0")["model"]
    for other in (f"whole-{STEPS}-1", f"resumed-{STEPS}-0", f"resumed-{STEPS}-1"):
        for name, value in saved(other)["model"].items():
            assert torch.equal(value, whole[name]), name
            assert not torch.equal(value, start["model"][name])

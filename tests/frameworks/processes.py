"""Processes that make up a group of torch.distributed."""

import sys
import tempfile
import warnings

import torch
from torch import distributed, multiprocessing

COUNT = 2
# A server that has imported them forks the processes: faster than a new interpreter each.
IMPORTED = [
    "pytest",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.optim",
    "lodo_bench.optimizers.lodo.drop_in",
    "lodo_bench.backends.numba.butterfly",
    "lodo_bench.backends.numba.lodo",
]


def in_processes(work, *arguments, count=COUNT):
    """Call work(rank, *arguments) in new processes that are a gloo group; raises what one of them raised."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(IMPORTED)
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.start_processes(
            _join, (work, count, f"file://{folder}/group", arguments), nprocs=count, start_method="forkserver"
        )


def _join(rank, work, count, address, arguments):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    # The loopback device: needs no network, and no name of this machine.
    options = distributed.ProcessGroupGloo._Options()
    options._devices = [
        distributed.ProcessGroupGloo.create_device(interface="lo0" if sys.platform == "darwin" else "lo")
    ]
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=count, pg_options=options)
    try:
        work(rank, *arguments)
    finally:
        distributed.destroy_process_group()

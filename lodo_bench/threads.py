"""How many threads PyTorch computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread inside the block, whatever the machine has.

    The steps of a population of small problems are too short to share: threads that wait for each other cost more than
    they give, several times more on a machine that is busy with something else. And the arithmetic is the same
    everywhere.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

"""How many threads compute, and work that is shared among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

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


def parallel_for(work: Callable[[int, int], object], count: int, pieces: int) -> None:
    """Call `work(start, stop)` for parts of `range(count)` that together are all of it, side by side.

    `work` must let go of the interpreter's lock while it computes.

    Args:
        work: does what is between `start` and `stop`; what it does must not depend on how the range is cut.
        count: the length of the range.
        pieces: how many parts are worth it; as many as PyTorch has threads are made at most.
    """
    pieces = min(pieces, count, torch.get_num_threads())
    if pieces <= 1:
        work(0, count)
        return
    cuts = [count * piece // pieces for piece in range(pieces + 1)]
    pool = _pool(os.getpid(), torch.get_num_threads() - 1)
    others = [pool.submit(work, start, stop) for start, stop in pairwise(cuts[1:])]
    try:
        work(0, cuts[1])
    finally:
        # Even if this part was broken off, say by Ctrl-C, the others must not go on writing behind the caller's back.
        for other in others:
            other.result()


@lru_cache(maxsize=1)
def _pool(process: int, size: int) -> ThreadPoolExecutor:
    """Threads that wait for work. The process is part of what they are known by, as a fork does not take them along."""
    return ThreadPoolExecutor(size, thread_name_prefix="lodo-bench")

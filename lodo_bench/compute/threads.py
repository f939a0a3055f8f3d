"""The number of threads, and parallel loops."""

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
    """Compute on one thread inside the block.

    The steps of a population of small problems are too short to be divided: synchronizing threads costs more than they
    save, several times more on a machine that is busy. And the arithmetic is then the same on every machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def parallel_for(fn: Callable[[int, int], object], n: int, max_chunks: int) -> None:
    """Call `fn(start, stop)` in parallel for consecutive chunks that together are `range(n)`.

    Args:
        fn: processes a chunk. It must release the interpreter's lock while it computes, and its results must not depend
            on how the range is divided.
        n: the length of the range.
        max_chunks: the number of chunks that is worthwhile; there are at most as many as PyTorch has threads.
    """
    chunks = min(max_chunks, n, torch.get_num_threads())
    if chunks <= 1:
        fn(0, n)
        return
    bounds = [n * chunk // chunks for chunk in range(chunks + 1)]
    pool = _pool(os.getpid(), torch.get_num_threads() - 1)
    others = [pool.submit(fn, start, stop) for start, stop in pairwise(bounds[1:])]
    try:
        fn(0, bounds[1])
    finally:
        # Even if this chunk was interrupted, say by Ctrl-C, the others must not keep writing after the return.
        for other in others:
            other.result()


@lru_cache(maxsize=1)
def _pool(process: int, size: int) -> ThreadPoolExecutor:
    """Return the thread pool of a process; a fork does not inherit the threads of its parent."""
    return ThreadPoolExecutor(size, thread_name_prefix="lodo-bench")

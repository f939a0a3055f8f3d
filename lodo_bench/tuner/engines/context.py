"""The way in which worker processes are started on this machine."""

from __future__ import annotations

import sys
from multiprocessing import get_context, get_start_method
from multiprocessing.context import BaseContext

import torch

from lodo_bench.compute.sockets import provide_sockets


def process_context() -> BaseContext:
    """Return how processes are started.

    A fork of this one needs no imports, but a program that has computed on several threads, or has a GPU, must not be
    forked: the locks and memory lists of its libraries may be in any state. So this is for programs that ask for it.
    The others are forked from a server, which is reached by a socket, or import all anew where there can be none.
    """
    if sys.platform == "win32":
        return get_context("spawn")
    if get_start_method(allow_none=True) == "fork" and not torch.cuda.is_available():
        return get_context("fork")
    if not provide_sockets():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["lodo_bench.tuner.worker"])
    return context

"""The life of Ray's servers, watched: Ray itself notices after a minute that one of them is gone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from lodo_bench.tuner.engines.ray.remote import check_reachable
from lodo_bench.tuner.engines.ray.sessions import Process, running_processes

_SERVERS = ("gcs_server", "raylet")
_LOOK_SECONDS = 1.0
_MAX_FAILURES = 3


def watch_servers(address: str, report: Callable[[str], None]) -> None:
    """Watch the cluster at `address` from now on, and report its loss, once, in a thread of its own.

    Args:
        address: the HOST:PORT of the cluster's server.
        report: receives what has happened, in words.
    """
    servers = [each for each in running_processes() if each.parent == os.getpid() and each.name in _SERVERS]
    threading.Thread(target=_watch, args=(address, servers, report), daemon=True).start()


def _watch(address: str, servers: list[Process], report: Callable[[str], None]) -> None:
    failures = 0
    while True:
        time.sleep(_LOOK_SECONDS)
        running = {each.pid for each in running_processes()} if servers else set()
        for each in servers:
            if each.pid not in running:
                report(f"Ray's {each.name} (process {each.pid}) has ended")
                return
        try:
            check_reachable(address)
            failures = 0
        except OSError:  # once, it may just be busy
            failures += 1
        if failures == _MAX_FAILURES:
            report(f"the Ray cluster at {address} no longer responds")
            return

"""Sessions: all processes that a process has started, and those have, unless one of them leaves on purpose."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_POLL_SECONDS = 0.01
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs: its id, the name of its program, its parent's id and that of its session."""

    pid: int
    name: str
    parent: int
    session: int


def running_processes() -> list[Process]:
    """Return all processes of this machine that have not ended; none where the system does not tell, as on macOS."""
    if not _PROC.joinpath("self/stat").exists():
        return []
    found = []
    for entry in os.listdir(_PROC):
        with suppress(OSError):
            if entry.isdecimal():
                name, _, fields = (_PROC / entry / "stat").read_text("utf-8", "replace").rpartition(")")
                state, parent, _, session, *_ = fields.split()
                if state not in "ZX":
                    found.append(Process(int(entry), name.partition("(")[2], int(parent), int(session)))
    return found


def kill_session(session: int, patience: float) -> None:
    """Kill all processes of a session but this one, and wait some seconds until they are gone."""
    end = time.monotonic() + patience
    while members := [each.pid for each in running_processes() if each.session == session and each.pid != os.getpid()]:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap()
        if time.monotonic() > end:
            return
        time.sleep(_POLL_SECONDS)


def reap() -> set[int]:
    """Take note of the children of this process that have ended, and return them."""
    ended = set()
    with suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            ended.add(pid)
    return ended


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends, where the system can do it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Have the system kill this process when its parent ends, where the system can do it."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)

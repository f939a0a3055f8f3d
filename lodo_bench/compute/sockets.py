"""Directories for Unix sockets, whose paths have a small limit that long temporary directories exceed."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator

_LONGEST_PATH = 103  # in bytes, on macOS; 107 on Linux
_PARENTS = ("/tmp", "/var/tmp", "/dev/shm")
_MULTIPROCESSING_NEEDS = len("/pymp-12345678/listener-12345678")


def socket_directories(needed: int) -> Iterator[str]:
    """Yield the directories for temporary files in which sockets can be made, first the one that the user has set.

    Args:
        needed: the bytes of a socket's path below the directory, with the separator.
    """
    for parent in dict.fromkeys([*_chosen(), *_PARENTS]):
        if len(os.fsencode(parent)) + needed <= _LONGEST_PATH:
            yield parent


def provide_sockets() -> bool:
    """Let `multiprocessing` make its sockets in a directory whose path is short enough; return whether there is one.

    It needs sockets for a server of forks, and for tensors that workers of a `DataLoader` send. It makes them all in
    one directory, which it chooses once in a process and passes on to the processes that this one starts. That is
    below the temporary directory, however long that is (before Python 3.14), so it is chosen while another counts as
    this.
    """
    if sys.platform == "win32":
        return True
    from multiprocessing.util import get_temp_dir

    former = tempfile.tempdir
    for directory in socket_directories(_MULTIPROCESSING_NEEDS):
        if directory in _chosen():
            return True
        try:
            tempfile.tempdir = directory
            found = get_temp_dir()
        except OSError:
            continue
        finally:
            tempfile.tempdir = former
        return len(os.fsencode(found)) + len("/listener-12345678") <= _LONGEST_PATH
    return False


def _chosen() -> list[str]:
    """Return the directory for temporary files; none if no directory at all is writable."""
    try:
        return [tempfile.gettempdir()]
    except FileNotFoundError:
        return []

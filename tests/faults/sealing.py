"""Folders in which nothing can be written, and disks that are full."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

NOBODY = 65534


def is_root():
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _mount(*arguments):
    """Mount, or skip the test where that is impossible, as for most users and in most containers."""
    if not is_root() or shutil.which("mount") is None:
        pytest.skip("only root can mount")
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")


def _unmount(folder):
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only_mount(folder, view=None):
    """Mount a folder on itself, or on another, read-only: not even root can write there."""
    view = view or folder
    _mount("--bind", folder, view)
    try:
        _mount("-o", "remount,ro,bind", view)
        yield
    finally:
        _unmount(view)


@contextmanager
def no_permission(folder, others=()):
    """Take the permission to write from a folder and its files; root, whom modes do not stop, becomes nobody.

    Args:
        folder: the folder.
        others: modes of files by name, if they are to have others.
    """
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(dict(others).get(path.name, 0o555 if path.is_dir() else 0o444))
    try:
        with as_nobody():
            yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def as_nobody():
    """Drop the rights of root for a block; other users stay who they are."""
    if not is_root():
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@contextmanager
def small_disk(folder, kib):
    """Mount a disk of a few KiB in memory."""
    folder.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={kib}k", "none", folder)
    try:
        yield folder
    finally:
        _unmount(folder)


@contextmanager
def small_files(size):
    """Let no file of this process grow beyond `size` bytes: for users who cannot mount."""
    resource = pytest.importorskip("resource")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)

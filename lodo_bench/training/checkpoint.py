"""Checkpoints for resuming training, and final network parameters."""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lodo_bench.errors import UsageError
from lodo_bench.files.atomic import remove_temporary_files, write_atomically
from lodo_bench.spec.encoding import encode
from lodo_bench.spec.training import TaskSpec, TrainingSpec
from lodo_bench.state import StateDict

# The version of the files' contents; files of another version are not read.
_FORMAT = 3
# Writing checkpoints takes at most this fraction of the time, whatever their size.
_MAX_OVERHEAD = 1 / 20


class Checkpoint:
    """The file of one training in progress. It is always complete: a new state replaces the previous one atomically.

    Args:
        path: the file, e.g. `results.db.checkpoints/3-0.pt`.
        owner: distinguishes trainings of the same specification.
        every: seconds between two writes.
        notice: called with messages for the user.
    """

    def __init__(self, path: Path, owner: str, every: float, notice: Callable[[str], None]) -> None:
        self._path, self._owner, self._every, self.notice = path, owner, every, notice
        self._next = time.monotonic() + every

    @property
    def is_due(self) -> bool:
        """True if the next write is due."""
        return time.monotonic() >= self._next

    def read(self, spec: TrainingSpec) -> StateDict | None:
        """Return the latest state, with its tensors on the CPU; None, after a notice, if the file is unusable."""
        if not self._path.exists():
            return None
        try:
            content = _load(self._path)
        except Exception as error:  # a damaged file can raise anything
            self.reject(f"is damaged ({error})")
            return None
        if content.get("format") != _FORMAT:
            self.reject("was written by another version of lodo-bench")
        elif content.get("identity") != self._identity(spec):
            self.reject("belongs to a different run")
        else:
            state: StateDict = content["state"]
            return state
        return None

    def write(self, spec: TrainingSpec, state: Mapping[str, Any]) -> None:
        """Replace the state; if the write fails, the previous checkpoint is kept and a notice is emitted."""
        started = time.monotonic()
        content = {"format": _FORMAT, "identity": self._identity(spec), "state": dict(state)}
        try:
            _save(self._path, content)
        except (OSError, RuntimeError) as error:
            self.notice(
                f"cannot write the checkpoint '{self._path}': {_reason(error)}. The run goes on, and the former "
                f"checkpoint, if there is one, is kept."
            )
        ended = time.monotonic()
        self._next = ended + max(self._every, (ended - started) / _MAX_OVERHEAD)

    def reject(self, reason: str) -> None:
        """Tell the user why the file is unusable; the next write replaces it."""
        self.notice(f"the checkpoint '{self._path}' {reason}; this run starts over.")

    def remove(self) -> None:
        """Remove the file of a training that is finished, and its directory if that is empty."""
        remove_checkpoint(self._path)

    def write_parameters(self, spec: TrainingSpec, parameters: Tensor) -> None:
        """Write the final parameters, (n,), for `load_parameters`; if that fails, a notice is emitted."""
        path = self._path.with_suffix(".parameters.pt")
        content = {
            "format": _FORMAT,
            "task": asdict(spec.task),
            "dtype": spec.compute.dtype,
            "parameters": parameters.cpu(),
        }
        try:
            _save(path, content)
        except (OSError, RuntimeError) as error:
            self.notice(f"cannot write the parameters '{path}': {_reason(error)}. Everything else is stored.")

    def _identity(self, spec: TrainingSpec) -> str:
        values = {**encode(spec), "weights": hashlib.sha256(spec.weights).hexdigest(), "owner": self._owner}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Parameters:
    """The final parameters of a run: `values`, (n,), of the network of `task`."""

    task: TaskSpec
    values: Tensor


def load_parameters(folder: Path, run_set: int, seed: int) -> Parameters:
    """Load the final parameters of one run, on the CPU and in the dtype of the training.

    Args:
        folder: the directory of the database's checkpoints.
        run_set: the number of the run set.
        seed: the seed of the run.

    Raises:
        UsageError: if there are none, or the file is damaged.
    """
    path = checkpoint_path(folder, run_set, seed).with_suffix(".parameters.pt")
    if not path.exists():
        raise UsageError(
            f"no parameters are stored for run set {run_set}, seed {seed} ('{path}'). They are stored only for "
            f"network runs that finished without diverging, on the machine that trained them."
        )
    try:
        content = _load(path)
        return Parameters(TaskSpec(**content["task"]), content["parameters"])
    except Exception as error:
        raise UsageError(f"the parameters '{path}' cannot be read: {error}. Run the seed again.") from None


def remove_checkpoint(path: Path) -> None:
    """Remove the file of a training that is finished, and its directory if that is empty."""
    path.unlink(missing_ok=True)
    remove_temporary_files(path)
    with suppress(OSError):  # not empty, or never created
        path.parent.rmdir()


def checkpoint_path(folder: Path, run_set: int, seed: int) -> Path:
    """Return the file of a run's checkpoint; runs in lockstep share that of their first seed."""
    return folder / f"{run_set}-{seed}.pt"


def _load(path: Path) -> StateDict:
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()  # PyTorch does not verify the checksums
    if damaged is not None:
        raise ValueError(f"the checksum of '{damaged}' does not match")
    content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if not isinstance(content, dict):
        raise ValueError("it does not contain a dictionary")
    return content


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _save(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with write_atomically(path) as file:
            torch.save(dict(content), file)
    except RuntimeError as error:  # PyTorch's own, which does not say what the system said
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise

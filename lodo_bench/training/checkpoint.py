"""Files that a training is gone on with from, and those with what a network has learned."""

from __future__ import annotations

import hashlib
import json
import os
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
from lodo_bench.spec.training import TaskSpec, TrainingSpec

# A change of what is in the files changes this number; files with another are not read.
_FORMAT = 2
# Of the time, writing checkpoints takes one part in so many at most, however large they are.
_SHARE = 20


class Checkpoint:
    """The file of one training that is under way. It is always whole: a new one takes the place of the old at once.

    Args:
        path: where it lies, e.g. `results.db.checkpoints/3-0.pt`.
        owner: tells trainings of the same specification apart.
        every: seconds from one writing to the next.
        notice: is told what a person should know.
    """

    def __init__(self, path: Path, owner: str, every: float, notice: Callable[[str], None]) -> None:
        self._path, self._owner, self._every, self.notice = path, owner, every, notice
        self._next = time.monotonic() + every

    @property
    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() >= self._next

    def read(self, spec: TrainingSpec) -> dict[str, Any] | None:
        """The state that was written last, with its tensors on the CPU; None if there is none that is of any use."""
        if not self._path.exists():
            return None
        try:
            content = _loaded(self._path)
        except Exception as error:  # whatever a damaged file brings about
            self.reject(f"is damaged ({error})")
            return None
        if content.get("format") != _FORMAT:
            self.reject("is none of this version of lodo-bench")
        elif content.get("identity") != self._identity(spec):
            self.reject("is of another run")
        else:
            state: dict[str, Any] = content["state"]
            return state
        return None

    def write(self, spec: TrainingSpec, state: Mapping[str, Any]) -> None:
        """Keep a state in place of the one before. If that is not possible, the one before stays, and it is told."""
        started = time.monotonic()
        try:
            _write(self._path, {"format": _FORMAT, "identity": self._identity(spec), "state": dict(state)})
        except (OSError, RuntimeError) as error:  # PyTorch turns the system's errors into its own
            self.notice(f"the checkpoint '{self._path}' cannot be written: {error}")
        ended = time.monotonic()
        self._next = ended + max(self._every, _SHARE * (ended - started))

    def reject(self, reason: str) -> None:
        """Say why the file is of no use; the next writing replaces it."""
        self.notice(f"the checkpoint '{self._path}' {reason}; this run starts anew.")

    def remove(self) -> None:
        """The training is over."""
        for path in (self._path, _unfinished(self._path)):  # the latter is there if a writing was killed
            path.unlink(missing_ok=True)
        with suppress(OSError):  # there are others in it, or there never was one
            self._path.parent.rmdir()

    def write_parameters(self, spec: TrainingSpec, parameters: Tensor) -> None:
        """Keep what the training has come to, (n,), for `load_parameters`."""
        path = self._path.with_suffix(".parameters.pt")
        content = {
            "format": _FORMAT,
            "task": asdict(spec.task),
            "dtype": spec.compute.dtype,
            "parameters": parameters.cpu(),
        }
        try:
            _write(path, content)
        except (OSError, RuntimeError) as error:
            self.notice(f"the parameters '{path}' cannot be written: {error}")

    def _identity(self, spec: TrainingSpec) -> str:
        values = {**asdict(spec), "weights": hashlib.sha256(spec.weights).hexdigest(), "owner": self._owner}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a finished run has come to: `values`, (n,), of a model of `task`."""

    task: TaskSpec
    values: Tensor


def load_parameters(folder: Path, run_set: int, seed: int) -> Parameters:
    """The final parameters of one run, on the CPU and in the precision that it was trained in.

    Args:
        folder: where the checkpoints of the run set's database lie.
        run_set: its number.
        seed: the run's.

    Raises:
        UsageError: if there are none, or the file is damaged.
    """
    path = checkpoint_path(folder, run_set, seed).with_suffix(".parameters.pt")
    if not path.exists():
        raise UsageError(
            f"there are no parameters of run set {run_set}, seed {seed} ('{path}'). They are kept of runs of networks "
            f"that have come to their end without diverging, on the machine where they ran."
        )
    try:
        content = _loaded(path)
        return Parameters(TaskSpec(**content["task"]), content["parameters"])
    except Exception as error:
        raise UsageError(f"the parameters '{path}' cannot be read: {error}. Run the seed again.") from None


def checkpoint_path(folder: Path, run_set: int, seed: int) -> Path:
    """Where the checkpoint of a run lies; of several in lockstep, that of the first."""
    return folder / f"{run_set}-{seed}.pt"


def _unfinished(path: Path) -> Path:
    """Where a file lies while it is being written."""
    return path.with_suffix(".new")


def _loaded(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()  # PyTorch itself does not look at the check sums
    if damaged is not None:
        raise ValueError(f"'{damaged}' has another check sum")
    content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if not isinstance(content, dict):
        raise ValueError("it holds something else")
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file that is there as a whole or not at all, even if the power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = _unfinished(path)
    try:
        with new.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

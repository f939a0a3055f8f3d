"""Readings of a clock or a metric, in memory that does not grow without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.state import StateDict
from lodo_bench.training.rows import Rows

MOST_READINGS = 2**20


class Readings:
    """Values that were read after rising numbers of steps.

    When there are more than `MOST_READINGS`, every other one is left out, and as many of those that follow. The first
    and the latest are always there.

    Args:
        width: P, the values of a reading.
    """

    def __init__(self, width: int) -> None:
        self._steps, self._values = Rows(1, np.int64), Rows(width, np.float64)
        self._every, self._skipped = 1, 0
        self._latest: tuple[int, NDArray[np.float64]] | None = None  # unless it is among the others

    @property
    def steps(self) -> NDArray[np.int64]:
        """The numbers of steps, (K,)."""
        kept = self._steps.values[:, 0]
        return kept.copy() if self._latest is None else np.append(kept, self._latest[0])

    @property
    def values(self) -> NDArray[np.float64]:
        """The values, (K, P)."""
        kept = self._values.values
        return kept.copy() if self._latest is None else np.concatenate([kept, self._latest[1][None]])

    @property
    def last_step(self) -> int:
        """The number of steps of the latest reading; -1 without any."""
        if self._latest is not None:
            return self._latest[0]
        return int(self._steps.values[-1, 0]) if len(self._steps) else -1

    def add(self, step: int, values: NDArray[np.float64]) -> None:
        """Add the reading after `step` steps, (P,), in place of a former one after as many."""
        if step == self.last_step:
            self._replace_latest(step, values)
        elif len(self._steps) and self._skipped + 1 < self._every:
            self._skipped, self._latest = self._skipped + 1, (step, values)
        else:
            self._skipped, self._latest = 0, None
            self._steps.append(np.array([[step]]))
            self._values.append(values[None])
            if len(self._steps) > MOST_READINGS:
                self._halve()

    def _replace_latest(self, step: int, values: NDArray[np.float64]) -> None:
        if self._latest is None:
            self._values.values[-1] = values
        else:
            self._latest = step, values

    def _halve(self) -> None:
        if len(self._steps) % 2 == 0:  # the latest is one of those that are left out
            self._skipped = self._every
            self._latest = int(self._steps.values[-1, 0]), self._values.values[-1].copy()
        self._steps.replace(self._steps.values[::2])
        self._values.replace(self._values.values[::2])
        self._every *= 2

    def state_dict(self) -> StateDict:
        """Return all of it, for `load_state_dict`."""
        return {
            "steps": torch.from_numpy(self.steps),
            "values": torch.from_numpy(self.values),
            "every": self._every,
            "skipped": self._skipped,
            "has_latest": self._latest is not None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore all of it."""
        steps, values = state["steps"].numpy(), state["values"].numpy()
        kept = len(steps) - state["has_latest"]
        self._steps.replace(steps[:kept, None])
        self._values.replace(values[:kept])
        self._every, self._skipped = state["every"], state["skipped"]
        self._latest = (int(steps[-1]), values[-1].copy()) if state["has_latest"] else None

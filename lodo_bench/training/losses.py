"""The losses of a population in memory that hardly grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lodo_bench.errors import StateError
from lodo_bench.spec.curve_blocks import block_size, next_change, num_blocks
from lodo_bench.state import StateDict
from lodo_bench.training.rows import Rows

Floats = NDArray[np.float64]


class Losses:
    """Losses by step, and the means of blocks of them where there are many: see `lodo_bench.spec.curve_blocks`.

    What it holds depends on the losses alone, not on the chunks in which they were added.

    Args:
        population: P, the number of individuals.

    Attributes:
        steps: the number of steps.
    """

    def __init__(self, population: int) -> None:
        self.steps = 0
        self._blocks = Rows(population, np.float64)
        self._rest: Floats = np.empty((0, population))  # the losses of the incomplete block

    def add(self, losses: Floats) -> None:
        """Add the losses of further steps, (k, P)."""
        while len(losses):
            size, room = block_size(self.steps), next_change(self.steps) - self.steps
            part, losses = losses[:room], losses[room:]
            pending = np.concatenate([self._rest, part]) if size > 1 else part
            complete = len(pending) // size * size
            if complete:
                self._blocks.append(_means(pending[:complete], size))
            self._rest = pending[complete:].copy()
            self.steps += len(part)

    def blocks(self) -> Floats:
        """Return the loss of each step or block, the incomplete one included, (K, P); not always a copy."""
        if not len(self._rest):
            return self._blocks.values
        return np.concatenate([self._blocks.values, _means(self._rest, len(self._rest))])

    def state_dict(self) -> StateDict:
        """Return all of it, for `load_state_dict`."""
        return {
            "steps": self.steps,
            "blocks": torch.from_numpy(self._blocks.values),
            "rest": torch.from_numpy(self._rest),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore all of it.

        Raises:
            StateError: if it is the state of something else.
        """
        blocks, rest = state["blocks"].numpy(), state["rest"].numpy()
        count = len(blocks) + (len(rest) > 0)
        if blocks.shape[1:] != self._rest.shape[1:] or count != num_blocks(state["steps"]):
            raise StateError("the record of the training is incomplete")
        self.steps = state["steps"]
        self._blocks.replace(blocks)
        self._rest = rest.copy()


def _means(losses: Floats, size: int) -> Floats:
    """Return the means of every `size` rows, which are the same whatever rows are beside them."""
    if size == 1:
        return losses
    by_block = np.ascontiguousarray(losses.reshape(-1, size, losses.shape[1]).transpose(0, 2, 1))
    with np.errstate(over="ignore", invalid="ignore"):
        means: Floats = by_block.mean(axis=2)
    return means

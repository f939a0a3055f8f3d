"""PyTorch's and NumPy's global random generators, as they are for one individual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Generator
from typing_extensions import override

from lodo_bench.state import Checkpointable, StateDict

_numpy: Any = np.random  # its stubs lack the functions that exchange the generator


class GlobalGenerators(Checkpointable):
    """Global generators that belong to one individual: used as a context, they replace those of the process.

    Code that draws from the global generators inside the block is reproducible, and does not influence others.

    Args:
        seed: an individual's generator, from which the seeds are drawn.
    """

    def __init__(self, seed: Generator) -> None:
        first = int(torch.randint(2**31, (), generator=seed, device=seed.device))
        self._device = seed.device
        self._torch = torch.Generator().manual_seed(first).get_state()
        self._numpy = np.random.MT19937(first)
        self._cuda = torch.Generator(self._device).manual_seed(first).get_state() if self._is_cuda else None
        self._outer: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        self._outer = torch.get_rng_state(), _numpy.get_bit_generator()
        torch.set_rng_state(self._torch)
        _numpy.set_bit_generator(self._numpy)
        if self._cuda is not None:
            self._outer += (torch.cuda.get_rng_state(self._device),)
            torch.cuda.set_rng_state(self._cuda, self._device)
        return self

    def __exit__(self, *_: object) -> None:
        self._torch = torch.get_rng_state()
        torch.set_rng_state(self._outer[0])
        _numpy.set_bit_generator(self._outer[1])
        if self._cuda is not None:
            self._cuda = torch.cuda.get_rng_state(self._device)
            torch.cuda.set_rng_state(self._outer[2], self._device)

    @property
    def _is_cuda(self) -> bool:
        return self._device.type == "cuda"

    @override
    def state_dict(self) -> StateDict:
        numpy: Any = self._numpy.state["state"]
        key = torch.from_numpy(numpy["key"].astype(np.int64))
        return {"torch": self._torch, "cuda": self._cuda, "numpy_key": key, "numpy_position": int(numpy["pos"])}

    @override
    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        self._torch, self._cuda = state["torch"].cpu(), state["cuda"]
        inner: Any = {"key": state["numpy_key"].cpu().numpy().astype(np.uint32), "pos": state["numpy_position"]}
        self._numpy.state = {"bit_generator": "MT19937", "state": inner}

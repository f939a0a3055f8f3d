"""What optimizers have in common that treat every entry by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Generator, Tensor

from lodo_bench.fused import of_one_class
from lodo_bench.kernels import chosen
from lodo_bench.optimizers.base import Optimizer
from lodo_bench.spec import Value


class Elementwise(Optimizer):
    """An optimizer whose steps are a few operations on each entry, and compiled where the kernel is `numba`.

    A final subclass implements `step` and `compiled_steps`.
    """

    def __init__(
        self,
        x: Tensor,
        hyperparameters: Mapping[str, Tensor],
        generators: Sequence[Generator],
        options: Mapping[str, Value],
    ) -> None:
        super().__init__(x, hyperparameters, generators, options)
        own = of_one_class(type(self), "step", "compiled_steps")
        self.is_compiled = own and chosen(x.device, x.dtype) == "numba"

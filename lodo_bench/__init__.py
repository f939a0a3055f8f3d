"""lodo-bench tunes, times and compares gradient optimizers; see the README for the command line.

In Python, `lodo_bench.LODO` is LODO as an optimizer of PyTorch's own kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lodo_bench.optimizers.lodo.torch_optimizer import LODO

__version__ = "0.1.0"
__all__ = ["LODO"]


def __getattr__(name: str) -> Any:
    """Import PyTorch only where it is asked for: the command line answers quickly without it."""
    if name == "LODO":
        from lodo_bench.optimizers.lodo.torch_optimizer import LODO

        return LODO
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

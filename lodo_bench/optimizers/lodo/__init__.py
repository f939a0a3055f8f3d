"""LODO, "learning to optimize during optimization": the paper's optimizer and its preconditioner."""

from lodo_bench.optimizers.lodo.optimizer import Lodo

__all__ = ["Lodo"]

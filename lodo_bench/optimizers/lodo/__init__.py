"""LODO, "learning to optimize during optimization": the paper's optimizer and its preconditioner."""

from lodo_bench.optimizers.lodo.lodo import Lodo, LodoNoMomentum, LodoSgd
from lodo_bench.optimizers.lodo.variants import LodoDense, LodoDiagonal, LodoGlobal, LodoResiduals

__all__ = ["Lodo", "LodoDense", "LodoDiagonal", "LodoGlobal", "LodoNoMomentum", "LodoResiduals", "LodoSgd"]

"""LODO as a drop-in torch.optim.Optimizer."""

from lodo_bench.optimizers.lodo.drop_in.optimizer import LODO

__all__ = ["LODO"]

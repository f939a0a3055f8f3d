"""Implementations of what LODO's preconditioner computes, behind one interface."""

from __future__ import annotations

from lodo_bench.compute.selection import current_backend
from lodo_bench.optimizers.lodo.kernels.base import BlockKernel, BlockNetwork, FusedBlockKernel


def build_kernel(network: BlockNetwork) -> BlockKernel:
    """The kernel for this network that `lodo_bench.compute.selection` chooses."""
    name = current_backend(network.weights.device, network.weights.dtype)
    if name == "numba":
        from lodo_bench.optimizers.lodo.kernels.cpu import numba_kernel

        return numba_kernel(network)
    if name == "triton":
        from lodo_bench.optimizers.lodo.kernels.gpu import TritonKernel

        return TritonKernel(network)
    from lodo_bench.optimizers.lodo.kernels.reference import TorchKernel

    return TorchKernel(network)


__all__ = ["BlockKernel", "BlockNetwork", "FusedBlockKernel", "build_kernel"]

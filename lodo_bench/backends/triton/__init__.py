"""Kernels for NVIDIA GPUs, written with Triton, and the table by which they are found."""

from collections.abc import Mapping

# Drop-in replacements with the arguments of the reference; see `lodo_bench.compute.selection.implementation`.
IMPLEMENTATIONS: Mapping[str, str] = {
    "lodo_bench.optimizers.lodo.block_network.TorchBlockPreconditioner": (
        "lodo_bench.backends.triton.lodo.TritonPreconditioner"
    ),
    "lodo_bench.optimizers.lodo.drop_in.butterfly.ButterflyStructure": (
        "lodo_bench.backends.triton.butterfly.TritonButterflyStructure"
    ),
}

"""The Triton implementations in Triton's interpreter, which needs no GPU; run with TRITON_INTERPRET=1."""

import torch

from lodo_bench.backends.triton.butterfly import TritonButterflyStructure
from lodo_bench.backends.triton.lodo import TritonPreconditioner
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import META_OPTIMIZERS
from tests.backends import butterflies
from tests.backends.comparison import Case, assert_equal_to_the_reference

CASES = [
    Case(7, population=2, layers=2),
    Case(1, block_size=1, layers=1),
    Case(9, population=2, block_size=3, layers=2, hidden_dim=9, dtype=torch.float32),
    Case(10, block_size=5, layers=2),
    Case(300, block_size=2, layers=2, dtype=torch.float32),  # more than one tile
]
# Of the butterfly network: n, layers and block size; padded, with levels that repeat, and with several tiles.
BUTTERFLIES = [(10, 2, 4), (20, 4, 2), (70, 1, 2)]

if __name__ == "__main__":
    for case in CASES:
        assert_equal_to_the_reference(TritonPreconditioner, case)
        print(case)
    for shape in BUTTERFLIES:
        butterflies.assert_equal_to_the_reference(TritonButterflyStructure, *shape, "sign", torch.float64)
        print("butterfly", *shape)
    for meta in META_OPTIMIZERS:
        butterflies.assert_equal_to_the_reference(TritonButterflyStructure, 9, 2, 3, meta, torch.float32)
        print("butterfly", meta)
    butterflies.assert_equal_to_the_reference(
        TritonButterflyStructure, 70, 2, 2, "sign", torch.float64, preconditioner_dtype="bfloat16"
    )
    print("butterfly in bfloat16")

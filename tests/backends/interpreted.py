"""The Triton implementation in Triton's interpreter, which needs no GPU; run with TRITON_INTERPRET=1."""

import torch

from lodo_bench.backends.triton.lodo import TritonPreconditioner
from tests.backends.comparison import Case, assert_equal_to_the_reference

CASES = [
    Case(7, population=3, layers=3),
    Case(1, block_size=1, layers=1),
    Case(9, population=2, block_size=3, layers=2, hidden_dim=9, dtype=torch.float32),
    Case(20, block_size=8, layers=2),
    Case(300, block_size=2, layers=2, dtype=torch.float32),  # more than one tile
]

if __name__ == "__main__":
    for case in CASES:
        assert_equal_to_the_reference(TritonPreconditioner, case)
        print(case)

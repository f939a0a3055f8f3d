"""The butterfly network of the drop-in LODO, against autograd and a matrix; and its compiled form against PyTorch's."""

import pytest
import torch

from lodo_bench.compute.selection import best_backend, implementation, use_backend
from lodo_bench.optimizers.lodo.drop_in.butterfly import ButterflyStructure, Geometry
from lodo_bench.optimizers.lodo.drop_in.meta_optimizers import META_OPTIMIZERS
from tests.backends.butterflies import BETA, LR, META_LR, assert_equal_to_the_reference, build, gradients

# n, layers, block size: padded and not, one tile and several, with full and narrow vectors, and with repeated levels.
SHAPES = [(10, 4, 4), (1000, 4, 4), (4096, 4, 4), (4500, 4, 4), (77, 3, 2), (300, 2, 3), (100, 9, 2), (5000, 1, 4)]


def compiled():
    """The class of the backend for CPUs."""
    with use_backend("numba"):
        return implementation(ButterflyStructure, torch.device("cpu"), torch.float64)


def product(structure, weights, vector):
    """S times a vector, written anew: one block at a time, by indices of the vector."""
    geometry = structure.geometry
    k, rows, tiles, columns = geometry.block_size, geometry.rows, geometry.tiles, geometry.columns
    signal = list(torch.cat([vector, vector.new_zeros(rows * tiles * columns - len(vector))]))
    layers = [*range(geometry.layers)]
    for layer, is_back in [*((layer, False) for layer in layers), *((layer, True) for layer in reversed(layers))]:
        stride = k ** (geometry.levels - 1 - layer % geometry.levels)
        block = 0
        for row in range(rows):
            if row // stride % k:
                continue  # not the first row of a block
            for tile in range(tiles):
                for column in range(columns):
                    places = [((row + i * stride) * tiles + tile) * columns + column for i in range(k)]
                    matrix = weights[tile, layer, block, :, :, column]
                    result = (matrix if is_back else matrix.T) @ torch.stack([signal[place] for place in places])
                    for place, value in zip(places, result, strict=True):
                        signal[place] = value
            block += 1
    return torch.stack(signal[: len(vector)])


@pytest.mark.parametrize(("n", "layers", "k"), [(5, 3, 2), (20, 3, 2), (17, 2, 3), (30, 5, 2)])
def test_it_is_the_gradient_by_autograd(n, layers, k):
    structure = build(n, layers, k, meta="sgd")
    first, second = gradients(n, 2)
    x = torch.zeros(n, dtype=torch.float64)
    structure.state["weights"].mul_(1.1).add_(0.01)  # away from the start, where S = I
    structure.move(x, first, LR, BETA)
    weights = structure.state["weights"].clone().requires_grad_()
    direction = product(structure, weights, structure.momentum)
    torch.testing.assert_close(x, -LR * direction.detach(), rtol=1e-12, atol=1e-14)
    (second @ (-LR * direction)).backward()
    structure.learn(second, LR, META_LR)
    torch.testing.assert_close(structure.state["weights"], weights.detach() - META_LR * weights.grad)


@pytest.mark.parametrize(("n", "layers", "k"), SHAPES)
def test_at_the_start_it_is_the_identity(n, layers, k):
    structure, (gradient,), x = build(n, layers, k), gradients(n, 1), torch.zeros(n, dtype=torch.float64)
    structure.step(x, gradient, 0.0, META_LR, LR, 0.0)
    torch.testing.assert_close(x, -LR * gradient)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 255, 256, 257, 4096, 4097, 100_000])
def test_tiles_hold_all_entries_and_few_more(n):
    geometry = Geometry.of(n, 4, 4)
    entries = geometry.rows * geometry.tiles * geometry.columns
    assert n <= entries < n + geometry.rows * geometry.tiles
    assert geometry.columns <= 16


@pytest.mark.skipif(best_backend("cpu") == "torch", reason="Numba cannot be used here")
@pytest.mark.parametrize("meta", META_OPTIMIZERS)
@pytest.mark.parametrize(("n", "layers", "k"), SHAPES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_compiled_steps_are_the_same(n, layers, k, meta, dtype):
    assert_equal_to_the_reference(compiled(), n, layers, k, meta, dtype)


@pytest.mark.skipif(best_backend("cpu") == "torch", reason="Numba cannot be used here")
@pytest.mark.parametrize("meta", META_OPTIMIZERS)
@pytest.mark.parametrize("n", [10, 1000, 4500])
def test_the_compiled_steps_are_rounded_alike(n, meta):
    assert_equal_to_the_reference(compiled(), n, 4, 4, meta, torch.float64, preconditioner_dtype="bfloat16")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("meta", META_OPTIMIZERS)
@pytest.mark.parametrize(("n", "layers", "k"), [*SHAPES, (100_000, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_gpu_takes_the_same_steps(n, layers, k, meta, dtype):
    from lodo_bench.backends.triton.butterfly import TritonButterflyStructure

    assert_equal_to_the_reference(TritonButterflyStructure, n, layers, k, meta, dtype, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize(("n", "layers", "k"), [*SHAPES, (100_000, 4, 4)])
def test_a_gpu_rounds_alike(n, layers, k):
    from lodo_bench.backends.triton.butterfly import TritonButterflyStructure

    assert_equal_to_the_reference(
        TritonButterflyStructure, n, layers, k, "sign", torch.float64, "cuda", preconditioner_dtype="bfloat16"
    )


@pytest.mark.skipif(best_backend("cpu") == "torch", reason="Numba cannot be used here")
def test_the_number_of_threads_does_not_matter(monkeypatch):
    monkeypatch.setattr("lodo_bench.backends.numba.butterfly._WEIGHTS_PER_THREAD", 1000)
    found = []
    for threads in (1, 2, 3):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            structure, x = build(20_000, 4, 4, "adam", torch.float32, compiled()), torch.zeros(20_000)
            for gradient in gradients(20_000, 3, torch.float32):
                structure.step(x, gradient, LR, META_LR, LR, BETA)
        finally:
            torch.set_num_threads(before)
        found.append(x)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_a_gradient_that_is_no_number_spoils_no_weight_of_the_sign_rule():
    structure, x = build(100, 4, 4), torch.zeros(100, dtype=torch.float64)
    for gradient in gradients(100, 2):
        structure.step(x, gradient, LR, META_LR, LR, BETA)
    structure.learn(torch.full((100,), torch.nan, dtype=torch.float64), LR, META_LR)
    assert structure.state["weights"].isfinite().all()

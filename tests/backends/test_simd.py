"""The vector instructions of compiled code do what the same operations of NumPy do, and touch what they should."""

import subprocess
import sys

import numpy as np
import pytest

numba = pytest.importorskip("numba")
from lodo_bench.backends.numba.simd import broadcast, full_mask, lanes, load, sqrt, store, tail_mask  # noqa: E402

DTYPES = [np.float32, np.float64]
PLACE = np.uintp


@numba.njit
def formula(x, y, result, number, at, count):
    """The arithmetic on `count` numbers from `at` on, with one mask."""
    mask = tail_mask(x, count)
    a, b = load(x, at, mask), load(y, at, mask)
    total = a + b * broadcast(number)
    total -= a
    total *= b
    total /= broadcast(number)
    store(result, at, (total - a) / sqrt(b), mask)


@numba.njit
def copied(x, result, count):
    visited = 0
    for at in range(PLACE(0), count, lanes(x)):
        store(result, at, load(x, at, full_mask(x)), full_mask(x))
        visited += 1
    return visited


@numba.njit
def stored(x, result):
    store(result, PLACE(0), load(x, PLACE(0), full_mask(x)), full_mask(x))


@numba.njit
def broadcast_over(number):
    broadcast(number)


def numbers(dtype, seed, count=64):
    return np.random.default_rng(seed).uniform(0.5, 2, count).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [0, 1, 5, 8, 16, 40])
def test_arithmetic_where_the_mask_says(dtype, count):
    x, y, result = numbers(dtype, 0), numbers(dtype, 1), np.full(64, 7, dtype)
    number, at = dtype(3), 3
    formula(x, y, result, number, PLACE(at), PLACE(count))
    expected = np.full(64, 7, dtype)
    meant = slice(at, at + min(count, 64 // result.itemsize))
    a, b = x[meant], y[meant]
    expected[meant] = ((a + b * number - a) * b / number - a) / np.sqrt(b)
    np.testing.assert_allclose(result, expected, rtol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_vector_is_sixty_four_bytes(dtype):
    x, result = numbers(dtype, 0), np.zeros(64, dtype)
    length = 64 // result.itemsize
    assert copied(x, result, PLACE(2 * length)) == 2
    np.testing.assert_array_equal(result[: 2 * length], x[: 2 * length])
    assert not result[2 * length :].any()


def test_what_would_be_misread_does_not_compile():
    x = np.arange(32.0)
    for source, target in ((x, np.zeros(64, np.float32)), (x[::2], x), (x.reshape(4, 8), x), (np.arange(32), x)):
        with pytest.raises(numba.TypingError):
            stored(source, target)
    with pytest.raises(numba.TypingError):
        broadcast_over(3)


def test_what_is_not_meant_is_not_read():
    x = np.array([4.0, np.nan])
    result = np.zeros(2)
    formula(x, np.array([1.0, 1.0]), result, 2.0, PLACE(0), PLACE(1))
    assert result.tolist() == [-3.0, 0.0]


def test_compiled_code_imports_no_compiler_of_pytorch():
    """It takes seconds, and makes a folder for temporary files."""
    script = "import sys, lodo_bench.backends.numba.lodo; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

"""LODO's butterfly network on NVIDIA GPUs: one kernel launch for a step of a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
import triton
import triton.language as tl
from torch import Tensor
from typing_extensions import override

from lodo_bench.optimizers.lodo import rounding
from lodo_bench.optimizers.lodo.drop_in.butterfly import FusedButterflyStructure
from lodo_bench.optimizers.lodo.drop_in.structure import Settings

# In the kernel, a program processes one tile. A lane is a block of one column; the rows of its block are in memory,
# where other lanes find them in the next layer: a signal is a slab of ROWS · COLUMNS numbers, one for the inputs of
# each layer and one for the output of the last. `weights`, `firsts` and `seconds` have K · K numbers for each lane.
# `first` is the place of a lane's first row in a slab, and `step` the distance to the next. The loops over layers are
# loops of the machine code too: unrolled, they take Triton half a minute to compile.

_LANES_PER_THREAD = 2
_THREADS_PER_WARP = 32
_MOST_WARPS = 16
# Of the stochastic rounding.
_PLACE_FACTOR = tl.constexpr(rounding.PLACE_FACTOR)
_NOISE = tl.constexpr(2**rounding.NOISE_BITS - 1)
_SHIFTS, _FACTORS = ([tl.constexpr(number) for number in numbers] for numbers in zip(*rounding.MIXING, strict=True))
_SHIFT1, _SHIFT2, _SHIFT3 = _SHIFTS
_FACTOR1, _FACTOR2, _FACTOR3 = _FACTORS


@triton.jit
def _multiply(weights, source, result, lanes, mask, first, step, TRANSPOSED: tl.constexpr, K: tl.constexpr,
              COLUMNS: tl.constexpr):  # fmt: skip
    """Multiply the slab `source` by the blocks of a layer, or by the transposed ones."""
    for o in tl.static_range(K):
        total = tl.zeros_like(first).to(source.dtype.element_ty)
        for i in tl.static_range(K):
            place = lanes + (o * K + i if TRANSPOSED else i * K + o) * COLUMNS
            weight = tl.load(weights + place, mask=mask, other=0.0).to(total.dtype)
            total += weight * tl.load(source + first + i * step, mask=mask, other=0.0)
        tl.store(result + first + o * step, total, mask=mask)


@triton.jit
def _sign(h):
    return (h > 0).to(h.dtype) - (h < 0).to(h.dtype)


@triton.jit
def _rounded(values, places, seed):
    """Return numbers in bfloat16, rounded stochastically; see `lodo_bench.optimizers.lodo.rounding`."""
    noise = places.to(tl.uint32) * _PLACE_FACTOR + seed.to(tl.uint32, bitcast=True)
    noise = (noise ^ (noise >> _SHIFT1)) * _FACTOR1
    noise = (noise ^ (noise >> _SHIFT2)) * _FACTOR2
    noise = (noise ^ (noise >> _SHIFT3)) * _FACTOR3
    bits = values.to(tl.float32).to(tl.uint32, bitcast=True) + (noise & _NOISE)
    return (bits >> 16).to(tl.uint16).to(tl.bfloat16, bitcast=True)


@triton.jit
def _update(weights, origin, firsts, seconds, block_seconds, u, v, lanes, mask, first, step, numbers, seed,
            KIND: tl.constexpr, ROUNDED: tl.constexpr, K: tl.constexpr, SLAB: tl.constexpr,
            COLUMNS: tl.constexpr):  # fmt: skip
    """Multiply the slabs after `u` and `v` by the transposed blocks, and move each weight once it has been used."""
    rate, eps = tl.load(numbers + 3), tl.load(numbers + 4)
    slow1, slow2 = tl.load(numbers + 5), tl.load(numbers + 6)
    scale = tl.zeros_like(first).to(u.dtype.element_ty)
    if KIND == "block-rms":
        mean = tl.zeros_like(scale)
        for i in tl.static_range(K):
            at = first + i * step
            u_input, v_input = tl.load(u + at, mask=mask, other=0.0), tl.load(v + at, mask=mask, other=0.0)
            for o in tl.static_range(K):
                to = SLAB + first + o * step
                h = u_input * tl.load(v + to, mask=mask, other=0.0) + v_input * tl.load(u + to, mask=mask, other=0.0)
                mean += h * h
        second = tl.load(block_seconds, mask=mask, other=0.0)
        second += (mean / (K * K) - second) * slow2
        tl.store(block_seconds, second, mask=mask)
        scale = tl.sqrt(second) + eps
    for i in tl.static_range(K):
        at = first + i * step
        u_input, v_input = tl.load(u + at, mask=mask, other=0.0), tl.load(v + at, mask=mask, other=0.0)
        u_total, v_total = tl.zeros_like(scale), tl.zeros_like(scale)
        for o in tl.static_range(K):
            to, place = SLAB + first + o * step, lanes + (i * K + o) * COLUMNS
            weight = tl.load(weights + place, mask=mask, other=0.0).to(scale.dtype)
            u_adjoint, v_adjoint = tl.load(u + to, mask=mask, other=0.0), tl.load(v + to, mask=mask, other=0.0)
            u_total += weight * u_adjoint
            v_total += weight * v_adjoint
            h = u_input * v_adjoint + v_input * u_adjoint
            if KIND == "sign":
                change = _sign(h)
            elif KIND == "sgd":
                change = h
            elif KIND == "lion":
                mean = tl.load(firsts + place, mask=mask, other=0.0)
                change = _sign(mean + (h - mean) * slow1)
                tl.store(firsts + place, mean + (h - mean) * slow2, mask=mask)
            elif KIND == "adam":
                mean, square = (
                    tl.load(firsts + place, mask=mask, other=0.0),
                    tl.load(seconds + place, mask=mask, other=0.0),
                )
                mean += (h - mean) * slow1
                square += (h * h - square) * slow2
                tl.store(firsts + place, mean, mask=mask)
                tl.store(seconds + place, square, mask=mask)
                change = mean / (tl.sqrt(square) + eps)
            else:
                change = h / scale
            moved = weight - rate * change
            if ROUNDED:
                tl.store(weights + place, _rounded(moved, origin + place, seed), mask=mask)
            else:
                tl.store(weights + place, moved, mask=mask)
        # Only this lane reads the place of its inputs from here on.
        tl.store(u + at, u_total, mask=mask)
        tl.store(v + at, v_total, mask=mask)


@triton.jit
def _first_rows(block, column, stride, K: tl.constexpr, COLUMNS: tl.constexpr):
    """Return the place of the first row of each lane's block, for a layer that mixes rows `stride` apart."""
    return (block // stride * stride * K + block % stride) * COLUMNS + column


@triton.jit
def _stride(layer, K: tl.constexpr, LEVELS: tl.constexpr):
    """Return how far apart the rows are that a layer mixes: K to the power of its level; see `Geometry.stride`."""
    stride = 1
    for level in tl.static_range(1, LEVELS):
        stride *= tl.where(layer % LEVELS < level, K, 1)
    return stride


@triton.jit(do_not_specialize=["seed"])
def _step(weights, firsts, seconds, momentum, gradient, x, slabs, numbers, seed, n, tiles, LEARNS: tl.constexpr,
          MOVES: tl.constexpr, KIND: tl.constexpr, ROUNDED: tl.constexpr, K: tl.constexpr, LAYERS: tl.constexpr,
          LEVELS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, LANES: tl.constexpr):  # fmt: skip
    """Take a step of one tile, or one of its two halves; see `lodo_bench.backends.numba.butterfly_loops`."""
    SLAB: tl.constexpr = ROWS * COLUMNS
    BLOCKS: tl.constexpr = ROWS // K
    OF_LAYER: tl.constexpr = SLAB * K
    # The second moments of whole blocks have one number for each lane.
    SECONDS: tl.constexpr = BLOCKS * COLUMNS if KIND == "block-rms" else OF_LAYER
    tile = tl.program_id(0).to(tl.int64)
    lane = tl.arange(0, LANES)
    mask = lane < BLOCKS * COLUMNS
    block, column = lane // COLUMNS, lane % COLUMNS
    weights += tile * LAYERS * OF_LAYER
    firsts += tile * LAYERS * OF_LAYER
    seconds += tile * LAYERS * SECONDS
    lanes = block * K * K * COLUMNS + column
    u = slabs + tile * 2 * (LAYERS + 1) * SLAB
    v = u + (LAYERS + 1) * SLAB
    if LEARNS:
        factor = -tl.load(numbers)
        for i in tl.static_range(K):
            row = block * K + i
            at = (row * tiles + tile) * COLUMNS + column
            inside = mask & (at < n)
            tl.store(u + row * COLUMNS + column, tl.load(momentum + at, mask=inside, other=0.0), mask=mask)
            tl.store(v + row * COLUMNS + column, tl.load(gradient + at, mask=inside, other=0.0) * factor, mask=mask)
        for layer in range(LAYERS):
            stride = _stride(layer, K, LEVELS)
            first, step = _first_rows(block, column, stride, K, COLUMNS), stride * COLUMNS
            own, below = weights + layer * OF_LAYER, layer * SLAB
            tl.debug_barrier()
            _multiply(own, u + below, u + below + SLAB, lanes, mask, first, step, False, K, COLUMNS)
            _multiply(own, v + below, v + below + SLAB, lanes, mask, first, step, False, K, COLUMNS)
        for later in range(LAYERS):
            layer = LAYERS - 1 - later
            stride = _stride(layer, K, LEVELS)
            first, step = _first_rows(block, column, stride, K, COLUMNS), stride * COLUMNS
            tl.debug_barrier()
            _update(
                weights + layer * OF_LAYER, (tile * LAYERS + layer) * OF_LAYER, firsts + layer * OF_LAYER,
                seconds + layer * SECONDS, seconds + layer * SECONDS + lane, u + layer * SLAB, v + layer * SLAB,
                lanes, mask, first, step, numbers, seed, KIND, ROUNDED, K, SLAB, COLUMNS,
            )  # fmt: skip
        tl.debug_barrier()
    if MOVES:
        lr, weight = tl.load(numbers + 1), tl.load(numbers + 2)
        for i in tl.static_range(K):
            row = block * K + i
            at = (row * tiles + tile) * COLUMNS + column
            inside = mask & (at < n)
            old, new = tl.load(momentum + at, mask=inside, other=0.0), tl.load(gradient + at, mask=inside, other=0.0)
            # Two forms, as in `torch.lerp`, so that both ends are exact.
            average = tl.where(weight < 0.5, old + (new - old) * weight, new - (new - old) * (1 - weight))
            tl.store(momentum + at, average, mask=inside)
            tl.store(u + row * COLUMNS + column, average, mask=mask)
        for layer in range(LAYERS):
            stride = _stride(layer, K, LEVELS)
            first, step = _first_rows(block, column, stride, K, COLUMNS), stride * COLUMNS
            source = u + layer * SLAB
            tl.debug_barrier()
            _multiply(weights + layer * OF_LAYER, source, source + SLAB, lanes, mask, first, step, False, K, COLUMNS)
        for later in range(LAYERS):
            layer = LAYERS - 1 - later
            stride = _stride(layer, K, LEVELS)
            first, step = _first_rows(block, column, stride, K, COLUMNS), stride * COLUMNS
            result = u + layer * SLAB
            tl.debug_barrier()
            _multiply(weights + layer * OF_LAYER, result + SLAB, result, lanes, mask, first, step, True, K, COLUMNS)
        tl.debug_barrier()
        for i in tl.static_range(K):
            row = block * K + i
            at = (row * tiles + tile) * COLUMNS + column
            inside = mask & (at < n)
            moved = tl.load(x + at, mask=inside, other=0.0) - lr * tl.load(
                u + row * COLUMNS + column, mask=mask, other=0.0
            )
            tl.store(x + at, moved, mask=inside)


@final
class TritonButterflyStructure(FusedButterflyStructure):
    """The network of `ButterflyStructure`, whose weights are read and written by one launch in each step."""

    def __init__(self, n: int, settings: Settings, state: Mapping[str, Tensor], momentum: Tensor, eps: float) -> None:
        super().__init__(n, settings, state, momentum, eps)
        geometry = self.geometry
        # What a launch writes, it reads in the same launch, so that this memory can be used by others in between.
        self._slab_count = geometry.tiles * 2 * (geometry.layers + 1) * geometry.rows * geometry.columns
        self._moments = [state.get(name, momentum) for name in ("meta_first", "meta_second")]
        self._lanes = triton.next_power_of_2(geometry.rows // geometry.block_size * geometry.columns)
        self._warps = min(max(self._lanes // (_LANES_PER_THREAD * _THREADS_PER_WARP), 1), _MOST_WARPS)

    @override
    def run(
        self, x: Tensor, gradient: Tensor, last_lr: float, rate: float, lr: float, beta: float, *, moves: bool
    ) -> None:
        geometry, weights, (beta1, beta2) = self.geometry, self.state["weights"], self.meta.betas
        numbers = [last_lr, lr, 1 - beta, rate, self.meta.eps, 1 - beta1, 1 - beta2]
        _step[(geometry.tiles,)](
            weights,
            *self._moments,
            self.momentum,
            gradient,
            x,
            self.momentum.new_empty(self._slab_count),
            torch.tensor(numbers, dtype=self.momentum.dtype, device=weights.device),
            (self.seed + 2**31) % 2**32 - 2**31,  # as 32 bits with a sign, so that its type is fixed
            self.n,
            geometry.tiles,
            LEARNS=last_lr != 0,
            MOVES=moves,
            KIND=self.settings.meta_optimizer,
            ROUNDED=self.is_rounded,
            K=geometry.block_size,
            LAYERS=geometry.layers,
            LEVELS=geometry.levels,
            ROWS=geometry.rows,
            COLUMNS=geometry.columns,
            LANES=self._lanes,
            num_warps=self._warps,
        )

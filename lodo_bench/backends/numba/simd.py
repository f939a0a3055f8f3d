"""Vector instructions for compiled code.

Numba leaves the vectorization of loops to LLVM. LLVM checks at every entry of a loop that no two arrays overlap, and
processes the remainder number by number. For loops over some fifty numbers this costs as much as the arithmetic. With
these functions a loop is vectorized explicitly.

A *vector* is 64 bytes of consecutive numbers of an array; LLVM splits it for processors with shorter registers. Vectors
are added, subtracted, multiplied and divided like numbers; sums and products may be contracted to fused multiply-adds.
A *mask* selects numbers of a vector: the others are not accessed in memory, and are read as 0. Indices are unsigned,
and bounds are not checked. An array of uint16 is one of bfloat16, whose numbers are in vectors of float32 or float64.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from lodo_bench.optimizers.lodo.rounding import MIXING, NOISE_BITS, PLACE_FACTOR

_BITS = 512
_INT16, _INT32, _INT64, _BIT = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.IntType(1)
_HALF = 16  # the bits of bfloat16, which are the upper ones of float32


class Vector(types.Type):
    """The Numba type of a vector of numbers of `dtype`."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype, self.count = dtype, _BITS // dtype.bitwidth
        super().__init__(name=f"Vector({dtype})")


class Mask(types.Type):
    """The Numba type of a mask for vectors of `count` numbers."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(name=f"Mask({count})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        element = manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(element, kind.count))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.VectorType(_BIT, kind.count))


@intrinsic
def lanes(typingctx, array):
    """Return the number of entries of an array in a vector."""
    count = Vector(array.dtype).count
    return types.uintp(array), lambda context, builder, signature, arguments: _INT64(count)


@intrinsic
def full_mask(typingctx, array):
    """Return the mask that selects all numbers of an array's vectors."""
    kind = Mask(Vector(array.dtype).count)

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(kind), [1] * kind.count)

    return kind(array), generate


@intrinsic
def tail_mask(typingctx, array, number):
    """Return the mask that selects the first `number` numbers of an array's vectors."""
    kind = Mask(Vector(array.dtype).count)

    def generate(context, builder, signature, arguments):
        indices = ir.Constant(ir.VectorType(_INT64, kind.count), list(range(kind.count)))
        return builder.icmp_unsigned("<", indices, _broadcast(builder, arguments[1], kind.count))

    return kind(array, types.uintp), generate


@intrinsic
def broadcast(typingctx, number):
    """Return the vector that repeats one number."""
    if not isinstance(number, types.Float):
        return None
    kind = Vector(number)
    return kind(number), lambda context, builder, signature, arguments: _broadcast(builder, arguments[0], kind.count)


@intrinsic
def load(typingctx, array, at, mask):
    """Return the vector that starts at an index of an array."""
    kind = _vector_type(array, mask)
    if kind is None:
        return None

    def generate(context, builder, signature, arguments):
        values, at, mask = arguments
        address, element = _address(context, builder, array, values, at), context.get_data_type(array.dtype)
        zeros, alignment = ir.Constant(ir.VectorType(element, kind.count), None), _INT32(array.dtype.bitwidth // 8)
        found = _call(builder, "llvm.masked.load", zeros.type, ".p0", zeros.type, address, alignment, mask, zeros)
        if isinstance(array.dtype, types.Float):
            return found
        bits = builder.shl(builder.zext(found, ir.VectorType(_INT32, kind.count)), _all(_INT32, kind.count, _HALF))
        wide = builder.bitcast(bits, ir.VectorType(ir.FloatType(), kind.count))
        return wide if kind.count == _BITS // 32 else builder.fpext(wide, context.get_value_type(kind))

    return kind(array, types.uintp, mask), generate


@intrinsic
def store(typingctx, array, at, vector, mask):
    """Write a vector to an array of the same type, starting at an index."""
    if vector != _vector_type(array, mask) or vector.dtype != array.dtype:
        return None

    def generate(context, builder, signature, arguments):
        _write(context, builder, array, *arguments)
        return context.get_dummy_value()

    return types.none(array, types.uintp, vector, mask), generate


@intrinsic
def store_rounded(typingctx, array, at, vector, mask, seed):
    """Write a vector to an array, starting at an index; to one of bfloat16, rounded stochastically with a seed.

    The random bits are those of `lodo_bench.optimizers.lodo.rounding`.
    """
    if vector != _vector_type(array, mask):
        return None

    def generate(context, builder, signature, arguments):
        values, at, numbers, mask, seed = arguments
        if not isinstance(array.dtype, types.Float):
            numbers = _rounded(builder, numbers, at, seed, vector.count)
        _write(context, builder, array, values, at, numbers, mask)
        return context.get_dummy_value()

    return types.none(array, types.uintp, vector, mask, types.uint32), generate


@intrinsic
def sqrt(typingctx, vector):
    """Return the square roots."""

    def generate(context, builder, signature, arguments):
        return _call(builder, "llvm.sqrt", arguments[0].type, "", arguments[0].type, *arguments)

    return vector(vector), generate


@intrinsic
def sign(typingctx, vector):
    """Return 1, 0 or -1 for numbers that are positive, zero or NaN, or negative."""

    def generate(context, builder, signature, arguments):
        (numbers,) = arguments
        zero, one, minus = (ir.Constant(numbers.type, [value] * vector.count) for value in (0.0, 1.0, -1.0))
        below = builder.select(builder.fcmp_ordered("<", numbers, zero), minus, zero)
        return builder.select(builder.fcmp_ordered(">", numbers, zero), one, below)

    return vector(vector), generate


@intrinsic
def where_greater(typingctx, left, right, then, otherwise):
    """Return the numbers of `then` where `left` is greater than `right`, and those of `otherwise` elsewhere."""

    def generate(context, builder, signature, arguments):
        left, right, then, otherwise = arguments
        return builder.select(builder.fcmp_ordered(">", left, right), then, otherwise)

    return then(left, right, then, otherwise), generate


def _vector_type(array, mask):
    """Return the type of an array's vectors, or None if the mask does not fit or the array has none."""
    is_row = isinstance(array, types.Array) and (array.ndim, array.layout) == (1, "C")
    if not is_row or not isinstance(mask, Mask):
        return None
    if array.dtype == types.uint16:
        kinds = [Vector(types.float32), Vector(types.float64)]
    else:
        kinds = [Vector(array.dtype)] if isinstance(array.dtype, types.Float) else []
    return next((kind for kind in kinds if kind.count == mask.count), None)


def _address(context, builder, array, values, at):
    return builder.gep(context.make_array(array)(context, builder, values).data, [at])


def _write(context, builder, array, values, at, numbers, mask):
    address, alignment = _address(context, builder, array, values, at), _INT32(array.dtype.bitwidth // 8)
    _call(builder, "llvm.masked.store", numbers.type, ".p0", ir.VoidType(), numbers, address, alignment, mask)


def _rounded(builder, numbers, at, seed, count):
    """Return the bits of numbers in bfloat16, of which the first belongs at an index."""
    integers, floats = ir.VectorType(_INT32, count), ir.VectorType(ir.FloatType(), count)
    first = _broadcast(builder, builder.trunc(at, _INT32), count)
    noise = builder.add(first, ir.Constant(integers, list(range(count))))
    noise = builder.mul(noise, _all(_INT32, count, PLACE_FACTOR))
    noise = builder.add(noise, _broadcast(builder, seed, count))
    for shift, factor in MIXING:
        noise = builder.xor(noise, builder.lshr(noise, _all(_INT32, count, shift)))
        noise = builder.mul(noise, _all(_INT32, count, factor))
    noise = builder.and_(noise, _all(_INT32, count, 2**NOISE_BITS - 1))
    narrow = numbers if numbers.type == floats else builder.fptrunc(numbers, floats)
    bits = builder.add(builder.bitcast(narrow, integers), noise)
    return builder.trunc(builder.lshr(bits, _all(_INT32, count, _HALF)), ir.VectorType(_INT16, count))


def _all(kind, count, value):
    return ir.Constant(ir.VectorType(kind, count), [value] * count)


def _broadcast(builder, number, count):
    alone = builder.insert_element(ir.Constant(ir.VectorType(number.type, count), ir.Undefined), number, _INT32(0))
    return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(_INT32, count), None))


_LETTERS = {ir.FloatType(): "f32", ir.DoubleType(): "f64", _INT16: "i16"}


def _call(builder, name, vector, suffix, result, *arguments):
    """Call an LLVM intrinsic in its form for this type of vector."""
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    full_name = f"{name}.v{vector.count}{_LETTERS[vector.element]}{suffix}"
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, full_name), arguments)


def _define(operations, instruction):
    @intrinsic
    def compute(typingctx, left, right):
        def generate(context, builder, signature, arguments):
            return getattr(builder, instruction)(*arguments, flags=("contract",))

        return left(left, right), generate

    def choose(left, right):
        if isinstance(left, Vector) and left == right:
            return lambda left, right: compute(left, right)
        return None

    for operation in operations:
        overload(operation)(choose)


_define((operator.add, operator.iadd), "fadd")
_define((operator.sub, operator.isub), "fsub")
_define((operator.mul, operator.imul), "fmul")
_define((operator.truediv, operator.itruediv), "fdiv")

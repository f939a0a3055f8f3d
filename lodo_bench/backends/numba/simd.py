"""Vector instructions, for code compiled by Numba for CPUs.

Numba leaves it to LLVM to make vector instructions of a loop. LLVM does so, but then makes sure, whenever the loop is
entered, that no two arrays overlap, and works off what is left at the end number by number. For loops of some fifty
numbers this costs as much as the arithmetic. Here the vectors are named instead.

A *vector* is as many neighboring numbers of an array as fill 64 bytes; LLVM splits it where a processor's are shorter.
Vectors are added, subtracted, multiplied and divided like numbers; sums and products may be contracted to fused
multiply-adds. A *mask* tells which numbers of a vector are meant: others are not touched in memory, and are read as 0.
Places in arrays are unsigned, and nobody checks that they are there.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

_BITS = 512
_INT32, _INT64, _BIT = ir.IntType(32), ir.IntType(64), ir.IntType(1)


class Vector(types.Type):
    """The type of a vector of numbers of `dtype`."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype, self.count = dtype, _BITS // dtype.bitwidth
        super().__init__(name=f"Vector({dtype})")


class Mask(types.Type):
    """The type of a mask for vectors of `count` numbers."""

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
    """How many numbers of an array are a vector."""
    count = Vector(array.dtype).count
    return types.uintp(array), lambda context, builder, signature, arguments: _INT64(count)


@intrinsic
def full_mask(typingctx, array):
    """The mask that means all numbers of an array's vectors."""
    kind = Mask(Vector(array.dtype).count)

    def generate(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(kind), [1] * kind.count)

    return kind(array), generate


@intrinsic
def tail_mask(typingctx, array, number):
    """The mask that means so many numbers at the start of an array's vectors."""
    kind = Mask(Vector(array.dtype).count)

    def generate(context, builder, signature, arguments):
        places = ir.Constant(ir.VectorType(_INT64, kind.count), list(range(kind.count)))
        return builder.icmp_unsigned("<", places, _repeated(builder, arguments[1], kind.count))

    return kind(array, types.uintp), generate


@intrinsic
def broadcast(typingctx, number):
    """The vector of one number again and again."""
    if not isinstance(number, types.Float):
        return None
    kind = Vector(number)
    return kind(number), lambda context, builder, signature, arguments: _repeated(builder, arguments[0], kind.count)


@intrinsic
def load(typingctx, array, at, mask):
    """The vector that starts at a place of an array."""
    kind = _kind_of(array, mask)
    if kind is None:
        return None

    def generate(context, builder, signature, arguments):
        values, at, mask = arguments
        zeros, alignment = ir.Constant(context.get_value_type(kind), None), _INT32(kind.dtype.bitwidth // 8)
        place = _place(context, builder, array, values, at)
        return _call(builder, "llvm.masked.load", kind, ".p0", zeros.type, place, alignment, mask, zeros)

    return kind(array, types.uintp, mask), generate


@intrinsic
def store(typingctx, array, at, vector, mask):
    """Write a vector to an array, from a place on."""
    if vector != _kind_of(array, mask):
        return None

    def generate(context, builder, signature, arguments):
        values, at, numbers, mask = arguments
        place, alignment = _place(context, builder, array, values, at), _INT32(vector.dtype.bitwidth // 8)
        _call(builder, "llvm.masked.store", vector, ".p0", ir.VoidType(), numbers, place, alignment, mask)
        return context.get_dummy_value()

    return types.none(array, types.uintp, vector, mask), generate


@intrinsic
def sqrt(typingctx, vector):
    """The square roots."""

    def generate(context, builder, signature, arguments):
        return _call(builder, "llvm.sqrt", vector, "", arguments[0].type, *arguments)

    return vector(vector), generate


def _kind_of(array, mask):
    """The type of an array's vectors, where there are any that the mask is for."""
    is_row = isinstance(array, types.Array) and (array.ndim, array.layout) == (1, "C")
    if not is_row or not isinstance(array.dtype, types.Float):
        return None
    kind = Vector(array.dtype)
    return kind if mask == Mask(kind.count) else None


def _place(context, builder, array, values, at):
    return builder.gep(context.make_array(array)(context, builder, values).data, [at])


def _repeated(builder, number, count):
    alone = builder.insert_element(ir.Constant(ir.VectorType(number.type, count), ir.Undefined), number, _INT32(0))
    return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(_INT32, count), None))


def _call(builder, name, kind, suffix, result, *arguments):
    """What one of LLVM's own functions, in its form for this kind of vector, returns."""
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    full_name = f"{name}.v{kind.count}f{kind.dtype.bitwidth}{suffix}"
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

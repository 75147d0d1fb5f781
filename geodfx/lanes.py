"""Four floats at once, the channels of a texel: LLVM's vectors, which Numba makes of a loop's turns but of no texel.

    light = read_lanes(nodes, at) * splat(share)
    write_lanes(row, to, read_lanes(row, to) + light)

For kernels only. Each lane is float32 arithmetic as IEEE 754 has it, one operation after the other, so that its result
is that of the same operations on one number.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from geodfx.arrays import F32

__all__ = ["LANES", "Lanes", "clamp_lanes", "lane_of", "lanes_of", "read_lanes", "splat", "write_lanes"]

LANES = 4
FLOAT, INT = ir.FloatType(), ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, LANES)
ANYTHING = ir.Constant(VECTOR, ir.Undefined)
NOUGHT, WHOLE = (ir.Constant(VECTOR, [ir.Constant(FLOAT, value)] * LANES) for value in (0.0, 1.0))
FLOAT_BYTES = 4  # rows of an array start at any float


class Lanes:
    """Four floats, as type checkers see them. Lanes are added and multiplied one by one."""

    def __add__(self, other: Lanes) -> Lanes:
        raise NotImplementedError("lanes are for kernels")

    def __mul__(self, other: Lanes) -> Lanes:
        raise NotImplementedError("lanes are for kernels")


class _LanesType(types.Type):
    """Lanes, as Numba sees them."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    """Lanes, as LLVM sees them."""

    def __init__(self, manager: Any, its_type: Any) -> None:
        cast(Any, super()).__init__(manager, its_type, VECTOR)


ITS_TYPE = _LanesType()


def _place(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Return the address of a flat array's float."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), VECTOR.as_pointer())


def _is_flat(array: Any) -> bool:
    return bool(
        isinstance(array, types.Array) and array.dtype == types.float32 and array.ndim == 1 and array.layout == "C"
    )


@intrinsic
def _read(_typing: Any, array: Any, _at: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_place(context, builder, signature.args[0], *values), align=FLOAT_BYTES)

    return (ITS_TYPE(array, types.uint64), build) if _is_flat(array) else None


@intrinsic
def _write(_typing: Any, array: Any, _at: Any, lanes: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _place(context, builder, signature.args[0], *values[:2])
        builder.store(values[2], place, align=FLOAT_BYTES)
        return context.get_dummy_value()

    return (types.void(array, types.uint64, ITS_TYPE), build) if _is_flat(array) and lanes == ITS_TYPE else None


@intrinsic
def _splat(_typing: Any, _value: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        first = builder.insert_element(ANYTHING, values[0], INT(0))
        return builder.shuffle_vector(first, ANYTHING, ir.Constant(ir.VectorType(INT, LANES), [0] * LANES))

    return ITS_TYPE(types.float32), build


@intrinsic
def _of(_typing: Any, _first: Any, _second: Any, _third: Any, _fourth: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        lanes = ANYTHING
        for i, value in enumerate(values):
            lanes = builder.insert_element(lanes, value, INT(i))
        return lanes

    return ITS_TYPE(*[types.float32] * LANES), build


@intrinsic
def _one_of(_typing: Any, lanes: Any, _which: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.extract_element(*values)

    return (types.float32(ITS_TYPE, types.int32), build) if lanes == ITS_TYPE else None


@intrinsic
def _clamp(_typing: Any, lanes: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        above = builder.select(builder.fcmp_ordered(">", values[0], NOUGHT), values[0], NOUGHT)
        return builder.select(builder.fcmp_ordered("<", above, WHOLE), above, WHOLE)

    return (ITS_TYPE(ITS_TYPE), build) if lanes == ITS_TYPE else None


def _calculate(sign: Callable[[Any, Any], Any], instruction: str) -> None:
    """Let a sign between two lanes stand for one of LLVM's instructions."""

    @intrinsic
    def calculate(_typing: Any, _one: Any, _other: Any) -> Any:
        def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return getattr(builder, instruction)(*values)

        return ITS_TYPE(ITS_TYPE, ITS_TYPE), build

    of_two: Any = calculate

    def find(one: Any, other: Any) -> Any:
        def apply(one: Any, other: Any) -> Any:
            return of_two(one, other)

        return apply if one == ITS_TYPE and other == ITS_TYPE else None

    overload(sign)(find)


_calculate(operator.add, "fadd")
_calculate(operator.mul, "fmul")

read_lanes = cast(Callable[[F32, np.uint64], Lanes], _read)  # of a flat array, from a float on
write_lanes = cast(Callable[[F32, np.uint64, Lanes], None], _write)
splat = cast(Callable[[np.float32], Lanes], _splat)  # all four the same
lanes_of = cast(Callable[[np.float32, np.float32, np.float32, np.float32], Lanes], _of)
lane_of = cast(Callable[[Lanes, int], np.float32], _one_of)  # the first is 0
clamp_lanes = cast(Callable[[Lanes], Lanes], _clamp)  # each to 0..1

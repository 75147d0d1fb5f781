"""Lanes: LLVM's vectors of floats, which Numba makes of a loop's turns but of no texel and no ray.

Lanes are four, the channels of a texel. Each is float32 arithmetic as IEEE 754 has it, one operation after the other,
so that its result is that of the same operations on one number:

    light = read_lanes(nodes, at) * splat(share)

A packet is of as many rays as are followed at once: more than an instruction takes, so that a core need not wait for
one result before it begins the next. Its products and sums may be fused, and quotients by the same number may be
products with its reciprocal, so that last digits differ from one kind of core to another.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from geodfx.arrays import F32

__all__ = [
    "LANES",
    "PACKET",
    "Lanes",
    "Packet",
    "clamp_lanes",
    "clamp_packet",
    "lane_of",
    "lanes_of",
    "less_bits",
    "pick_less",
    "read_lanes",
    "read_packet",
    "root",
    "splat",
    "splat_packet",
    "write_lanes",
    "write_packet",
]

LANES = 4
PACKET = 32  # beside 8, rays take .53 of the time by AVX-512 and .86 by AVX2; beside 16, .75 and 1.06
FLOAT, INT = ir.FloatType(), ir.IntType(32)
FLOAT_BYTES = 4  # rows of an array start at any float


class Lanes:
    """Four floats, as type checkers see them. Lanes are added and multiplied one by one."""

    def __add__(self, other: Lanes) -> Lanes:
        raise NotImplementedError("lanes are for kernels")

    def __mul__(self, other: Lanes) -> Lanes:
        raise NotImplementedError("lanes are for kernels")


class Packet:
    """Floats, as type checkers see them, worked on one by one; a number beside a packet is a packet of it.

    So formulas of numbers are formulas of packets, where they do not ask `if`.
    """

    def __add__(self, other: Packet | float) -> Packet:
        raise NotImplementedError("packets are for kernels")

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__

    def __neg__(self) -> Packet:
        raise NotImplementedError("packets are for kernels")


class _VectorType(types.Type):
    """Lanes or packets, as Numba sees them."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(name=name)
        self.vector = ir.VectorType(FLOAT, count)


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    """Lanes or packets, as LLVM sees them."""

    def __init__(self, manager: Any, its_type: Any) -> None:
        cast(Any, super()).__init__(manager, its_type, its_type.vector)


FOUR, MANY = _VectorType("Lanes", LANES), _VectorType("Packet", PACKET)


def _address(vector: Any, context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Return the address of a flat array's float."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


def _is_flat(array: Any) -> bool:
    return bool(
        isinstance(array, types.Array) and array.dtype == types.float32 and array.ndim == 1 and array.layout == "C"
    )


def _reader(its_type: _VectorType) -> Any:
    @intrinsic
    def read(_typing: Any, array: Any, _at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            place = _address(its_type.vector, context, builder, signature.args[0], *values)
            return builder.load(place, align=FLOAT_BYTES)

        return (its_type(array, types.uint64), build) if _is_flat(array) else None

    return read


def _writer(its_type: _VectorType) -> Any:
    @intrinsic
    def write(_typing: Any, array: Any, _at: Any, lanes: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            place = _address(its_type.vector, context, builder, signature.args[0], *values[:2])
            builder.store(values[2], place, align=FLOAT_BYTES)
            return context.get_dummy_value()

        return (types.void(array, types.uint64, its_type), build) if _is_flat(array) and lanes == its_type else None

    return write


def _splatter(its_type: _VectorType) -> Any:
    @intrinsic
    def splat_all(_typing: Any, _value: Any) -> Any:
        def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            anything = ir.Constant(its_type.vector, ir.Undefined)
            first = builder.insert_element(anything, values[0], INT(0))
            count = its_type.vector.count
            return builder.shuffle_vector(first, anything, ir.Constant(ir.VectorType(INT, count), [0] * count))

        return its_type(types.float32), build

    return splat_all


@intrinsic
def _of(_typing: Any, _first: Any, _second: Any, _third: Any, _fourth: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        lanes = ir.Constant(FOUR.vector, ir.Undefined)
        for i, value in enumerate(values):
            lanes = builder.insert_element(lanes, value, INT(i))
        return lanes

    return FOUR(*[types.float32] * LANES), build


@intrinsic
def _one_of(_typing: Any, lanes: Any, _which: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.extract_element(*values)

    return (types.float32(FOUR, types.int32), build) if lanes == FOUR else None


def _clamper(its_type: _VectorType) -> Any:
    nought, whole = (ir.Constant(its_type.vector, [ir.Constant(FLOAT, x)] * its_type.vector.count) for x in (0.0, 1.0))

    @intrinsic
    def clamp(_typing: Any, lanes: Any) -> Any:
        def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            above = builder.select(builder.fcmp_ordered(">", values[0], nought), values[0], nought)
            return builder.select(builder.fcmp_ordered("<", above, whole), above, whole)

        return (its_type(its_type), build) if lanes == its_type else None

    return clamp


@intrinsic
def _pick(_typing: Any, one: Any, other: Any, yes: Any, no: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", values[0], values[1]), values[2], values[3])

    return (MANY(*[MANY] * 4), build) if (one, other, yes, no) == (MANY,) * 4 else None


@intrinsic
def _less_bits(_typing: Any, one: Any, other: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered("<", *values), ir.IntType(PACKET))
        return builder.zext(bits, ir.IntType(64))

    return (types.int64(MANY, MANY), build) if (one, other) == (MANY,) * 2 else None


@intrinsic
def _root(_typing: Any, _packet: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        its_type = ir.FunctionType(MANY.vector, [MANY.vector])
        named = cast(Any, cgutils).get_or_insert_function(builder.module, its_type, f"llvm.sqrt.v{PACKET}f32")
        return builder.call(named, values)

    return MANY(MANY), build


def _calculate(sign: Callable[[Any, Any], Any], instruction: str, its_type: _VectorType) -> None:
    """Let a sign between two vectors stand for one of LLVM's instructions."""
    freedom = ("contract", "arcp") if its_type == MANY else ()

    @intrinsic
    def calculate(_typing: Any, _one: Any, _other: Any) -> Any:
        def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return getattr(builder, instruction)(*values, flags=freedom)

        return its_type(its_type, its_type), build

    of_two: Any = calculate

    def find(one: Any, other: Any) -> Any:
        def apply(one: Any, other: Any) -> Any:
            return of_two(one, other)

        def apply_to_number(one: Any, other: Any) -> Any:
            return of_two(one, splat_packet(np.float32(other)))

        def apply_number(one: Any, other: Any) -> Any:
            return of_two(splat_packet(np.float32(one)), other)

        if one == its_type and other == its_type:
            return apply
        if its_type == MANY and one == MANY and isinstance(other, types.Number):
            return apply_to_number
        return apply_number if its_type == MANY and other == MANY and isinstance(one, types.Number) else None

    overload(sign)(find)


@overload(operator.neg)
def _negate(packet: Any) -> Any:
    def apply(packet: Any) -> Any:
        return splat_packet(np.float32(0.0)) - packet

    return apply if packet == MANY else None


for each in (FOUR, MANY):
    _calculate(operator.add, "fadd", each)
    _calculate(operator.mul, "fmul", each)
_calculate(operator.sub, "fsub", MANY)
_calculate(operator.truediv, "fdiv", MANY)

read_lanes = cast(Callable[[F32, np.uint64], Lanes], _reader(FOUR))  # of a flat array, from a float on
write_lanes = cast(Callable[[F32, np.uint64, Lanes], None], _writer(FOUR))
splat = cast(Callable[[np.float32], Lanes], _splatter(FOUR))  # all four the same
lanes_of = cast(Callable[[np.float32, np.float32, np.float32, np.float32], Lanes], _of)
lane_of = cast(Callable[[Lanes, int], np.float32], _one_of)  # the first is 0
clamp_lanes = cast(Callable[[Lanes], Lanes], _clamper(FOUR))  # each to 0..1

read_packet = cast(Callable[[F32, np.uint64], Packet], _reader(MANY))
write_packet = cast(Callable[[F32, np.uint64, Packet], None], _writer(MANY))
splat_packet = cast(Callable[[np.float32], Packet], _splatter(MANY))
clamp_packet = cast(Callable[[Packet], Packet], _clamper(MANY))
pick_less = cast(Callable[[Packet, Packet, Packet, Packet], Packet], _pick)  # where the first is less the third
less_bits = cast(Callable[[Packet, Packet], int], _less_bits)  # bit i where lane i of one is less than of the other
root = cast(Callable[[Packet], Packet], _root)

"""The one door to Numba: a typed decorator, a cache that cannot go stale, bands of rows on all cores, and lanes.

Numba keys a cached kernel by its own file only, so that an edited callee in another file is not seen. Here the
cache folder is named by a hash of every source file of the package, so any edit or upgrade starts a fresh one.

Kernels release the GIL and run on plain threads, one band of rows each, and not in Numba's own parallel loops:
those abort the process when two Python threads enter them at once, or after a fork.

Lanes are four floats at once, the channels of a texel: LLVM's vectors, which Numba makes of a loop's turns but of no
texel. Each lane is float32 arithmetic as IEEE 754 has it, one operation after the other, so that its result is that of
the same operations on one number:

    light = read_lanes(nodes, at) * splat(share)
"""

from __future__ import annotations

import hashlib
import operator
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import platformdirs
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from geodfx.arrays import F32

__all__ = [
    "LANES",
    "Lanes",
    "clamp_lanes",
    "kernel",
    "kernel_of_sums",
    "lane_of",
    "lanes_of",
    "read_lanes",
    "run_bands",
    "run_each",
    "splat",
    "thread_count",
    "write_lanes",
]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

LANES = 4
FLOAT, INT = ir.FloatType(), ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, LANES)
ANYTHING = ir.Constant(VECTOR, ir.Undefined)
NOUGHT, WHOLE = (ir.Constant(VECTOR, [ir.Constant(FLOAT, value)] * LANES) for value in (0.0, 1.0))
FLOAT_BYTES = 4  # rows of an array start at any float
BANDS_PER_THREAD = 4  # rows differ in cost (a stone's edge is dark), so that each thread takes several bands


@cache
def _cache_folder() -> str:
    """Return the folder for this version of the sources, below the user's cache folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return str(Path(platformdirs.user_cache_dir("geodfx")) / f"kernels-{digest.hexdigest()[:16]}")


def kernel(function: F) -> F:
    """Compile a function to native code at its first call, or take it from the cache.

    Division by zero gives inf or nan as in NumPy. Where no folder can be written, each process compiles anew.
    """
    return _compile(function, set())


def kernel_of_sums(function: F) -> F:
    """Compile as `kernel` does, but let sums be added up in any order, so that a core's lanes share each.

    Their last digits then differ from one kind of core to another, not from run to run or with the threads.
    """
    return _compile(function, {"reassoc", "contract"})


def _compile(function: F, freedom: set[str]) -> F:
    """Compile a function. freedom: of floating-point arithmetic, by LLVM's names."""
    jit = cast(Any, numba.jit)
    config = cast(Any, numba.config)
    options = {"nopython": True, "nogil": True, "error_model": "numpy", "fastmath": freedom}
    users_choice = config.CACHE_DIR
    try:
        config.CACHE_DIR = users_choice or _cache_folder()
        compiled = jit(function, cache=True, **options)
    except RuntimeError:
        compiled = jit(function, **options)
    finally:
        config.CACHE_DIR = users_choice
    return cast(F, compiled)


def thread_count() -> int:
    """Return how many cores this process may use; GEODFX_THREADS overrides it."""
    wanted = os.environ.get("GEODFX_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Place(threading.local):
    """Whether a thread is one of those that work."""

    inside = False


_place = _Place()
_kept: dict[tuple[int, int], ThreadPoolExecutor] = {}  # by process, for one that was forked off has none, and count


def _enter() -> None:
    _place.inside = True


def _run_all(work: Callable[[int], T], count: int, done: Callable[[int], None]) -> list[T]:
    """Return `work(i)` for i in range(count), all on threads that are kept: starting some takes a share of a frame.

    `done(i)` is told of each in turn, from the calling thread. A thread that works does what it asks for itself.
    """
    wanted = os.getpid(), thread_count()
    if _place.inside or wanted[1] == 1:
        made = []
        for i in range(count):
            made.append(work(i))
            done(i)
        return made
    pool = _kept.get(wanted) or _kept.setdefault(wanted, ThreadPoolExecutor(wanted[1], "geodfx", _enter))
    results = [pool.submit(work, i) for i in range(count)]
    try:
        for i, result in enumerate(results):
            result.result()
            done(i)
    finally:  # nothing works on for a call that has ended
        for result in results:
            result.cancel()
        wait(results)
    return [result.result() for result in results]


def run_bands(work: Callable[[int, int], object], count: int, done: Callable[[int], None] | None = None) -> None:
    """Call `work(first, last)` over bands that cover range(count), on all cores.

    Each band must write only to its own rows; then the result does not depend on the number of threads.
    `done(n)` is told of each n finished rows, from the calling thread.
    """
    size = max(1, -(-count // (thread_count() * BANDS_PER_THREAD)))
    bands = [(first, min(first + size, count)) for first in range(0, count, size)]

    def tell(i: int) -> None:
        if done is not None:
            done(bands[i][1] - bands[i][0])

    _run_all(lambda i: work(*bands[i]), len(bands), tell)


def run_each(work: Callable[[int], T], count: int) -> list[T]:
    """Return `work(i)` for i in range(count), done on all cores."""
    return _run_all(work, count, lambda _: None)


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


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
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
        return builder.load(_address(context, builder, signature.args[0], *values), align=FLOAT_BYTES)

    return (ITS_TYPE(array, types.uint64), build) if _is_flat(array) else None


@intrinsic
def _write(_typing: Any, array: Any, _at: Any, lanes: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _address(context, builder, signature.args[0], *values[:2])
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

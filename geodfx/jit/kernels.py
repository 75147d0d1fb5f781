"""A typed decorator, a cache that cannot go stale, and bands of rows on all cores.

Numba keys a cached kernel by its own file only, so that an edited callee in another file is not seen. Here the
cache folder is named by a hash of every source file of the package, so any edit or upgrade starts a fresh one.

Kernels release the GIL and run on plain threads, one band of rows each, and not in Numba's own parallel loops:
those abort the process when two Python threads enter them at once, or after a fork.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import platformdirs

__all__ = ["kernel", "kernel_of_sums", "run_bands", "run_each", "thread_count"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

BANDS_PER_THREAD = 4  # rows differ in cost (a stone's edge is dark), so that each thread takes several bands


@cache
def _cache_folder() -> str:
    """Return the folder for this version of the sources, below the user's cache folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
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

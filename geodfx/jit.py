"""The one door to Numba: a typed decorator, a cache that cannot go stale, and bands of rows on all cores.

Numba keys a cached kernel by its own file only, so that an edited callee in another file is not seen. Here the
cache folder is named by a hash of every source file of the package, so any edit or upgrade starts a fresh one.

Kernels release the GIL and run on plain threads, one band of rows each, and not in Numba's own parallel loops:
those abort the process when two Python threads enter them at once, or after a fork.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


def run_bands(work: Callable[[int, int], object], count: int, done: Callable[[int], None] | None = None) -> None:
    """Call `work(first, last)` over bands that cover range(count), on all cores.

    Each band must write only to its own rows; then the result does not depend on the number of threads.
    `done(n)` is told of each n finished rows, from the calling thread.
    """
    threads = thread_count()
    size = max(1, -(-count // (threads * BANDS_PER_THREAD)))
    bands = [(first, min(first + size, count)) for first in range(0, count, size)]
    with ThreadPoolExecutor(threads) as pool:
        results = [pool.submit(work, first, last) for first, last in bands]
        try:
            for (first, last), result in zip(bands, results, strict=True):
                result.result()
                if done is not None:
                    done(last - first)
        except BaseException:
            for result in results:
                result.cancel()
            raise


def run_each(work: Callable[[int], T], count: int) -> list[T]:
    """Return `work(i)` for i in range(count), done on all cores."""
    with ThreadPoolExecutor(thread_count()) as pool:
        return list(pool.map(work, range(count)))

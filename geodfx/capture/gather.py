"""What photos hold at the stone's texels, brought from photo by photo to texel by texel.

Up to IN_MEMORY in an array, beyond it in a file without a name: it is gone with the process, however that ends. Photos
come one at a time, and texels are read some at a time: so the file is written in blocks of texels, in each of them
photo by photo, and then each block is turned in its place.
"""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from geodfx.arrays import I64
from geodfx.errors import OutputError
from geodfx.jit import kernel, run_bands, thread_count

__all__ = ["ScratchCodes", "check_room", "gather"]

Codes = npt.NDArray[Any]

IN_MEMORY = 256 << 20  # bytes of codes that are kept in memory; more go through a file
AT_ONCE = 1 << 30  # bytes that photos may take while they are decoded, on all threads together
BLOCK = 4096  # texels of a block: a photo's part of it is some kilobytes, and whole pages of the disk
NEAR = 1 << 14  # bytes: texels that lie no further apart are read together, which costs less than to ask again
POSITIONED = hasattr(os, "preadv")  # whether threads can read at several places of a file at once; Windows cannot


class ScratchCodes:
    """Codes (T, L, 3) in a file without a name; indexed by a slice or by texels (n,) like an array. Safe from threads.

    Raises OutputError, which names the folder and the remedy, where the disk has too little room.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: npt.DTypeLike) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._texel_bytes = math.prod(shape[1:]) * self.dtype.itemsize
        self._lock = Lock()
        check_room(shape, dtype)
        self._folder = _folder()
        try:
            self._file = cast(BinaryIO, tempfile.TemporaryFile(buffering=0, dir=self._folder))  # noqa: SIM115
        except OSError as error:
            raise _no_room(self._folder, error.strerror or str(error)) from error
        try:
            self._claim(math.prod(shape) * self.dtype.itemsize)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the room on the disk back."""
        self._file.close()

    def __getitem__(self, texels: slice | I64) -> Codes:
        """Return the codes (n, L, 3) of some texels, in the order in which they are named."""
        if isinstance(texels, slice):
            first, last, step = texels.indices(self.shape[0])
            if step != 1:
                raise ValueError(f"slices of step {step} are not read")
            return self._read(first, last)
        codes = np.empty((len(texels), *self.shape[1:]), self.dtype)
        order = np.argsort(texels, kind="stable")
        rising = texels[order]
        if len(rising) and not 0 <= rising[0] <= rising[-1] < self.shape[0]:
            raise IndexError(f"texels {rising[0]} to {rising[-1]} of {self.shape[0]}")
        ends = np.flatnonzero(np.diff(rising) > max(1, NEAR // self._texel_bytes)) + 1
        for some in np.split(np.arange(len(rising)), ends) if len(rising) else []:
            first = int(rising[some[0]])
            codes[order[some]] = self._read(first, int(rising[some[-1]]) + 1)[rising[some] - first]
        return codes

    def put(self, photo: int, picture: Codes, texels: I64) -> None:
        """Write what a flat picture (H W, 3) holds at texels (T,). Once every photo is there, `turn`."""
        part = np.empty((BLOCK, 3), self.dtype)
        for first in range(0, len(texels), BLOCK):
            some = texels[first : first + BLOCK]
            _gather(picture, some, part)
            place = first * self._texel_bytes + photo * part[: len(some)].nbytes
            self._transfer(part[: len(some)], place, write=True)

    def turn(self) -> None:
        """Bring each block from photo by photo to texel by texel."""
        count, photos, _ = self.shape

        def work(first: int, last: int) -> None:
            for begin in range(first * BLOCK, min(last * BLOCK, count), BLOCK):
                its = self._read(begin, min(begin + BLOCK, count))
                turned = np.ascontiguousarray(its.reshape(photos, len(its), 3).transpose(1, 0, 2))
                self._transfer(turned, begin * self._texel_bytes, write=True)

        run_bands(work, -(-count // BLOCK))

    def _read(self, first: int, last: int) -> Codes:
        codes = np.empty((max(last - first, 0), *self.shape[1:]), self.dtype)
        self._transfer(codes, first * self._texel_bytes)
        return codes

    def _transfer(self, values: Codes, place: int, *, write: bool = False) -> None:
        """Read or write contiguous values from a place in the file on. Raises OutputError."""
        view = values.reshape(-1).view(np.uint8).data
        number = self._file.fileno()
        try:
            while view:
                if POSITIONED:
                    done = os.pwritev(number, [view], place) if write else os.preadv(number, [view], place)
                else:
                    done = self._transfer_in_turn(view, place, write=write)
                if done == 0:
                    raise OSError(errno.EIO, "it was cut short")
                view, place = view[done:], place + done
        except OSError as error:
            raise _no_room(self._folder, error.strerror or str(error)) from error

    def _transfer_in_turn(self, view: memoryview, place: int, *, write: bool) -> int:
        with self._lock:
            self._file.seek(place)
            return self._file.write(view) if write else cast(Any, self._file).readinto(view) or 0

    def _claim(self, needed: int) -> None:
        """Let the disk keep the room, where it can: then no other work takes it before it is written."""
        if needed and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self._file.fileno(), 0, needed)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise _no_room(self._folder, error.strerror or str(error)) from error


def check_room(shape: tuple[int, int, int], dtype: npt.DTypeLike) -> None:
    """Raise OutputError if codes (T, L, 3) need a file and the disk has too little room for it."""
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if needed > IN_MEMORY:
        folder = _folder()
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise _no_room(folder, f"they need {_size(needed)}, and the disk has {_size(free)} left")


def gather(
    read: Callable[[int], Codes],
    photos: int,
    texels: I64,
    dtype: npt.DTypeLike,
    photo_bytes: int,
    progress: Callable[[int], None] | None = None,
) -> Codes | ScratchCodes:
    """Return codes (T, L, 3) of texels (T,) of so many photos; ScratchCodes, to be closed, where they are many.

    read: returns photo i as a flat picture (H W, 3) of that dtype; called once a photo, some at a time on threads.
    photo_bytes: what one takes meanwhile. `progress(1)` is told of each photo, from the calling thread. What `read`
    raises for the first of the photos is passed on. Raises OutputError where the disk has too little room.
    """
    shape = (len(texels), photos, 3)
    large = math.prod(shape) * np.dtype(dtype).itemsize > IN_MEMORY
    codes = ScratchCodes(shape, dtype) if large else np.empty(shape, dtype)

    def one(i: int) -> None:
        picture = read(i)
        if isinstance(codes, ScratchCodes):
            codes.put(i, picture, texels)
        else:
            _gather(picture, texels, codes[:, i])

    try:
        with ThreadPoolExecutor(min(thread_count(), max(1, AT_ONCE // photo_bytes))) as pool:
            for _ in pool.map(one, range(photos)):
                if progress is not None:
                    progress(1)
        if isinstance(codes, ScratchCodes):
            codes.turn()
    except BaseException:
        if isinstance(codes, ScratchCodes):
            codes.close()
        raise
    return codes


@kernel
def _gather(picture: Codes, texels: I64, codes: Codes) -> None:
    """Copy the texels of a flat picture (H W, 3) to codes (T or more, 3)."""
    for t in range(len(texels)):
        for c in range(3):
            codes[t, c] = picture[texels[t], c]


def _folder() -> str:
    """Return where scratch files go: TMPDIR, or what the system has for it. Raises OutputError."""
    try:
        return tempfile.gettempdir()
    except OSError as error:
        raise _no_room("TMPDIR", error.strerror or str(error)) from error


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1 << 20 else f"{count >> 20} MB"


def _no_room(folder: str, told: str) -> OutputError:
    remedy = "free some space there, or let TMPDIR name a folder of a larger disk"
    return OutputError(f"{folder}: what the photos hold cannot be kept there: {told}; {remedy}")

"""Names for the array types that cross borders, the one check of their shapes, and arrays that are read late.

A map of a stone in a file is read, and its checksum checked, when it is first asked for: opening a stone then costs
the same whatever its size. Such a map stands in its dataclass as a `Deferred` until then.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

__all__ = [
    "F32",
    "F64",
    "I64",
    "U8",
    "U16",
    "U32",
    "U64",
    "Bool",
    "Deferred",
    "deferrable",
    "evenly",
    "frozen",
    "unread",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

A = TypeVar("A", bound=npt.NDArray[Any])
C = TypeVar("C", bound=type)


class Deferred(ABC):
    """An array whose type and shape are known and whose values are not read yet."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def nbytes(self) -> int:
        """Bytes of the array, as of a NumPy array."""
        return math.prod(self.shape) * self.dtype.itemsize

    @abstractmethod
    def read(self) -> npt.NDArray[Any]:
        """Return the array, its values checked."""


@dataclass(frozen=True)
class _LateField:
    """A field of a frozen dataclass that reads a `Deferred` at the first look and keeps the array."""

    name: str

    def __get__(self, owner: object, kind: type | None = None) -> Any:
        if owner is None:
            return self
        value = vars(owner)[self.name]
        if isinstance(value, Deferred):
            value = vars(owner)[self.name] = value.read()
        return value

    def __set__(self, owner: object, value: object) -> None:
        vars(owner)[self.name] = value


def deferrable(*names: str) -> Callable[[C], C]:
    """Let the named fields of a dataclass be given as `Deferred`; stands above `@dataclass`, which must come first."""

    def install(owner: C) -> C:
        for name in names:
            setattr(owner, name, _LateField(name))
        return owner

    return install


def unread(owner: object, name: str) -> npt.NDArray[Any]:
    """Return a field as it stands, for its dtype, shape and nbytes only: a `Deferred` stays unread."""
    return cast(npt.NDArray[Any], vars(owner)[name])


def frozen(name: str, array: A, dtype: npt.DTypeLike, shape: tuple[int | None, ...]) -> A:
    """Return `array` as a read-only view after checking dtype and shape (None: any length). Raises TypeError.

    A `Deferred` is checked likewise and given back unread.
    """
    got = array.shape
    fits = len(got) == len(shape) and all(want in (None, have) for want, have in zip(shape, got, strict=True))
    if array.dtype != np.dtype(dtype) or not fits:
        raise TypeError(f"{name}: expected {np.dtype(dtype)} {shape}, got {array.dtype} {got}")
    late: object = array
    if isinstance(late, Deferred):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def evenly(count: int, most: int) -> I64:
    """Return indices of `most` of `count` things or fewer, evenly among them."""
    some = min(count, most)
    return np.arange(some, dtype=np.int64) * count // max(some, 1)

"""Which texels may see which facets over tilts, both ways, and which facets may be fitted at once."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from geodfx.arrays import F64, I64, Bool
from geodfx.capture.facet_find import Places
from geodfx.capture.facet_flash import Flashes, Reach

__all__ = ["around", "batches_apart", "keep", "list_reach", "reach_extents"]

I32 = npt.NDArray[np.int32]


def list_reach(parts: list[I32], texels: int) -> Reach:
    """Return both ways which of so many texels facets may reach: parts, a list of texels each."""
    size = np.array([len(each) for each in parts], np.int64)
    return _both_ways(size, np.concatenate([np.zeros(0, np.int32), *parts]), texels)


def _both_ways(size: I64, reached: I32, texels: int) -> Reach:
    """Return both ways which of so many texels facets may reach: so many (F,) of reached each, one after another."""
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    owner = np.repeat(np.arange(len(size), dtype=np.int32), size)
    order = np.argsort(reached, kind="stable")
    first = np.searchsorted(reached[order], np.arange(texels + 1)).astype(np.int64)
    return Reach(start, reached, first, owner[order].astype(np.int32))


def keep(flashes: Flashes, reach: Reach, kept: Bool, texels: int) -> tuple[Flashes, Reach]:
    """Return the facets of some (F,) that are kept, and what they reach."""
    size = np.diff(reach.texel_start)
    return Flashes(*(each[kept] for each in flashes)), _both_ways(
        size[kept], reach.texel[np.repeat(kept, size)], texels
    )


def around(places: Places, texel: I64, reach: int) -> I32:
    """Return the texels within so many rows and columns of some."""
    height, width = places.texel.shape
    column, row = places.column[texel], places.row[texel]
    top, left = max(0, row.min() - reach), max(0, column.min() - reach)
    bottom, right = min(height, row.max() + reach + 1), min(width, column.max() + reach + 1)
    there = np.zeros((bottom - top, right - left), np.uint8)
    there[row - top, column - left] = 1
    there = cv2.dilate(there, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    near = places.texel[top:bottom, left:right][there > 0]
    return near[near >= 0]


def reach_extents(places: Places, extent: I64, texels: int) -> Reach:
    """Return which of so many texels lie in extents (F, 4): first column and row, columns and rows."""
    parts = []
    for column, row, columns, rows in extent.tolist():
        its = places.texel[row : row + rows, column : column + columns]
        parts.append(its[its >= 0].astype(np.int32))
    return list_reach(parts, texels)


def batches_apart(reach: Reach, brightness: F64, texels: int) -> list[I64]:
    """Return batches of facets (F,) that share none of so many texels, the brightest first."""
    order = np.argsort(-brightness, kind="stable")
    taken = np.zeros((texels, 1), np.uint64)  # a bit a batch
    batches: list[list[int]] = []
    for f in order.tolist():
        its = reach.texel[reach.texel_start[f] : reach.texel_start[f + 1]]
        used = np.bitwise_or.reduce(taken[its], axis=0)
        free = np.flatnonzero(~used)
        if len(free) == 0:
            taken = np.concatenate([taken, np.zeros((texels, 1), np.uint64)], axis=1)
            word, bits = taken.shape[1] - 1, 0
        else:
            word, bits = int(free[0]), int(used[free[0]])
        bit = (~bits & (bits + 1)).bit_length() - 1
        taken[its, word] |= np.uint64(1 << bit)
        number = 64 * word + bit
        if number == len(batches):
            batches.append([])
        batches[number].append(f)
    return [np.array(batch, np.int64) for batch in batches]

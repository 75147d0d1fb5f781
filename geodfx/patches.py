"""The lobes facet by facet, as a GPU draws them: the shares of a facet's texels, in rectangles that hold few others.

A facet with an extent is drawn by its extent, whose texels all have its whole share: one patch of the sheet.

A frame draws the rectangles of facets that see light, and adds up what they show. Most facets see none of a few lights.
The texels of a facet are cut in two, column from column or row from row, where that leaves the fewest bytes, and each
part again, as long as that saves any.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F64, I64, U8, U32
from geodfx.codes import BLOCK, MOST_FACETS, share_roots
from geodfx.jit import kernel
from geodfx.lobe_map import Lobes

__all__ = [
    "EXTENT_TILE",
    "PATCH",
    "TILE",
    "WIDE_BYTES",
    "Patches",
    "drawn_bytes",
    "extent_bytes",
    "is_wide",
    "make_patches",
    "pack_rectangles",
]

I32 = npt.NDArray[np.int32]

TILE = 16  # texels: no side of a rectangle is longer, so that a slanting facet's hold little else
EXTENT_TILE = 32  # texels: nor one of an extent
WHOLE = 255  # the root of a whole share in the sheet
SHARE_BYTES, NARROW_BYTES, WIDE_BYTES = 2, 8, 12  # of a texel of the sheet; of a rectangle's words
PATCH = NARROW_BYTES // SHARE_BYTES  # texels of the sheet that take as many bytes as another rectangle
SHEETS = 16  # widths that are tried, of so many times the side of the square as large:
WIDTHS, WIDTHS_OF_LARGE = (0.4, 1.2), (0.9, 1.2)  # large ones are no longer than they must, for GPUs have limits
FAR = 1 << 30
# Bits of words: of a place and a spot where all are small, of a side less one, of all else.
PLACE_BITS, SPOT_BITS, SIDE_BITS, WORD_HALF, SIDE_BYTE = 9, 11, 4, 16, 8


class Patches(NamedTuple):
    """P rectangles of texels, each of one facet, facet by facet, and the sheet that holds their shares."""

    facet: I64  # (P,)
    corner: I64  # (P, 2) column, row in the picture
    sides: I64  # (P, 2) columns, rows
    spot: I64  # (P, 2) column, row in the sheet
    sheet: U8  # (H, W, 3) `codes.share_roots`

    @property
    def rectangle_bytes(self) -> int:
        """Bytes of a rectangle's words."""
        return WIDE_BYTES if is_wide(self) else NARROW_BYTES

    @property
    def nbytes(self) -> int:
        """Bytes of rectangles and sheet on a GPU."""
        return len(self.facet) * self.rectangle_bytes + math.prod(self.sheet.shape[:2]) * SHARE_BYTES


def make_patches(lobes: Lobes, alpha: U8, *, filled: bool = True) -> Patches:
    """Return the lobes, and the facets with extents, of what a stone covers of its picture (H, W).

    filled: else the shares of lobes are left out of the sheet.
    """
    patches = _patch_lobes(lobes, alpha, filled=filled)
    facet, corner, sides = _tile_extents(lobes.rectangles())
    if len(facet) == 0:
        return patches
    high, wide = patches.sheet.shape[:2]
    sheet = patches.sheet
    if len(patches.facet):  # else shaders read none
        sheet = np.zeros((high + EXTENT_TILE, max(wide, EXTENT_TILE), 3), np.uint8)
        sheet[:high, :wide], sheet[high:, :EXTENT_TILE] = patches.sheet, WHOLE
    added = facet, corner, sides, np.broadcast_to(np.array([0, high]), corner.shape)
    facet, corner, sides, spot = (np.concatenate(pair) for pair in zip(patches[:4], added, strict=True))
    return Patches(facet, corner, sides, spot, sheet)


def drawn_bytes(facet: I64, texel: I64, shape: tuple[int, int]) -> F64:
    """Return what lobes (N,) take in bytes of rectangles and sheet: each its part of the rectangle that it is in.

    facet, texel: of each, texels of a picture (H, W), which do not fall from lobe to lobe.
    """
    if len(facet) == 0:
        return np.zeros(0)
    its = _cut_lobes(facet, texel, shape)
    patches, area = _lay(its), its.sides.prod(axis=1)
    words = len(area) * patches.rectangle_bytes
    each: F64 = (patches.rectangle_bytes + (patches.nbytes - words) * (area / area.sum())) / np.bincount(its.part)
    return each[its.part]


def extent_bytes(extent: I64) -> I64:
    """Return the bytes (X,) of the rectangles of facets with extents (X, 4), as of `Lobes.rectangles`."""
    tiles: I64 = np.prod(-(-extent[:, 2:] // EXTENT_TILE), axis=1)
    return tiles * WIDE_BYTES


def is_wide(patches: Patches) -> bool:
    """Tell whether rectangles need three words each: the picture is large, or the sheet, or a side longer than TILE."""
    ends = patches.corner.max(initial=0) >> PLACE_BITS, max(patches.sheet.shape) - 1 >> SPOT_BITS
    return any(ends) or bool(patches.sides.max(initial=1) > TILE)


def pack_rectangles(patches: Patches) -> U32:
    """Return the words of rectangles as shaders/rectangle.glsl reads them: (P, 3) where `is_wide`, else (P, 2)."""
    (column, row), (columns, rows), (right, down) = patches.corner.T, patches.sides.T, patches.spot.T
    if is_wide(patches):
        sides = columns | rows << SIDE_BYTE | patches.facet << WORD_HALF
        return np.stack([column | row << WORD_HALF, sides, right | down << WORD_HALF], axis=1).astype(np.uint32)
    spot = right | down << SPOT_BITS
    place = column | row << PLACE_BITS
    sides = columns - 1 | (rows - 1) << SIDE_BITS
    high = place | sides << 2 * PLACE_BITS | spot >> WORD_HALF << 2 * (PLACE_BITS + SIDE_BITS)
    low = patches.facet | (spot & (1 << WORD_HALF) - 1) << WORD_HALF
    return np.stack([high, low], axis=1).astype(np.uint32)


def _patch_lobes(lobes: Lobes, alpha: U8, *, filled: bool) -> Patches:
    """Return the lobes of what a stone covers of its picture (H, W), with or without their shares."""
    none = np.zeros((0, 2), np.int64)
    empty = Patches(none[:, 0], none, none, none, np.zeros((1, 1, 3), np.uint8))
    if lobes.index.size == 0:
        return empty
    texel = _texels_of(lobes.index, alpha.shape[1])
    seen = np.flatnonzero(alpha.ravel()[texel])
    if len(seen) == 0:
        return empty
    facet = (lobes.refs[seen] & np.uint32(MOST_FACETS - 1)).astype(np.int64)
    its = _cut_lobes(facet, texel[seen], (alpha.shape[0], alpha.shape[1]))
    patches = _lay(its)
    if not filled:
        return patches
    away = (patches.spot - its.corner)[its.part]
    patches.sheet[its.row + away[:, 1], its.column + away[:, 0]] = share_roots(lobes.refs[seen])
    return patches


class _Cut(NamedTuple):
    """N lobes in P rectangles, facet by facet."""

    part: I32  # (N,) the rectangle that a lobe is in
    column: I32  # (N,)
    row: I32  # (N,)
    facet: I64  # (P,)
    corner: I64  # (P, 2)
    sides: I64  # (P, 2)


def _cut_lobes(facet: I64, texel: I64, shape: tuple[int, int]) -> _Cut:
    """Return lobes (N,), one or more, of texels that do not fall, in rectangles."""
    row, column = (place.astype(np.int32) for place in np.divmod(texel, shape[1]))
    few = int(facet.max()) < MOST_FACETS  # numbers of two bytes are sorted in a fraction of the time
    order = np.argsort(facet.astype(np.uint16) if few else facet, kind="stable").astype(np.int32)
    part = np.empty(len(order), np.int32)
    count = _cut(facet, column, row, order, part, max(shape))
    whose, corner, sides = np.empty(count, np.int64), np.full((count, 2), FAR), np.full((count, 2), -1)
    _bound(facet, column, row, part, whose, corner, sides)
    return _Cut(part, column, row, whose, corner, sides)


def _lay(its: _Cut) -> Patches:
    """Return rectangles with their places in a sheet, which is empty."""
    spot, size = _pack(its.sides)
    return Patches(its.facet, its.corner, its.sides, spot, np.zeros((*size, 3), np.uint8))


@kernel
def _bound(facet: I64, column: I32, row: I32, part: I32, whose: I64, corner: I64, sides: I64) -> None:
    """Write the facets (P,) of rectangles, their first columns and rows, and how many; sides: -1 before."""
    for n in range(len(part)):
        p = part[n]
        whose[p] = facet[n]
        for axis, place in ((0, column[n]), (1, row[n])):
            corner[p, axis], sides[p, axis] = min(corner[p, axis], place), max(sides[p, axis], place)
    for p in range(len(whose)):
        for axis in range(2):
            sides[p, axis] += 1 - corner[p, axis]


def _tile_extents(extent: I64) -> tuple[I64, I64, I64]:
    """Return extents (X, 4) in rectangles: their facets, first columns and rows, columns and rows."""
    across, down = (-(-extent[:, 2 + k] // EXTENT_TILE) for k in (0, 1))
    count = across * down
    facet = np.repeat(np.arange(len(extent)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    its = extent[facet]
    away = np.stack([number % across[facet], number // across[facet]], axis=1) * EXTENT_TILE
    return facet, its[:, :2] + away, np.minimum(its[:, 2:] - away, EXTENT_TILE)


@kernel
def _cut(facet: I64, column: I32, row: I32, order: I32, part: I32, longest: int) -> int:
    """Write which rectangle each of N lobes is in; returns how many there are.

    order: the lobes, facet by facet, and texel by texel of each; changed. longest: side of the picture.
    """
    low, high = np.empty(longest, np.int64), np.empty(longest, np.int64)
    cost = np.empty(longest, np.int64)
    stack = np.empty((2 * longest + 2, 2), np.int64)
    first, total = 0, len(order)
    count = 0
    while first < total:
        last = first + 1
        while last < total and facet[order[last]] == facet[order[first]]:
            last += 1
        last = _defer(column, row, order, first, last)
        stack[0, 0], stack[0, 1], top = first, last, 1
        while top > 0:
            top -= 1
            begin, end = stack[top, 0], stack[top, 1]
            axis, at = _best_cut(order[begin:end], column, row, low, high, cost)
            if axis < 0:
                for k in range(begin, end):
                    part[order[k]] = count
                count += 1
                continue
            place = column if axis == 0 else row
            left, right = begin, end - 1
            while left <= right:
                n = order[left]
                if place[n] <= at:
                    left += 1
                else:
                    order[left], order[right] = order[right], n
                    right -= 1
            stack[top, 0], stack[top, 1] = left, end
            stack[top + 1, 0], stack[top + 1, 1] = begin, left
            top += 2
        first = last
    return count


@kernel
def _defer(column: I32, row: I32, order: I32, first: int, last: int) -> int:
    """Move those of a facet's lobes order[first:last] that share their texel with the one before to their end.

    Returns where they begin: they are for other rectangles.
    """
    kept, later = first + 1, np.empty(last - first, np.int32)
    for k in range(first + 1, last):
        n, before = order[k], order[kept - 1]
        if column[n] == column[before] and row[n] == row[before]:
            later[k - kept] = n
        else:
            order[kept] = n
            kept += 1
    order[kept:last] = later[: last - kept]
    return kept


@kernel
def _best_cut(its: I32, column: I32, row: I32, low: I64, high: I64, cost: I64) -> tuple[int, int]:
    """Return the axis across which some texels are cut with least cost, and the last column or row before it.

    An axis below 0: no cut is worth it. low, high, cost: room for a number a column or row.
    """
    left, top, right, bottom = FAR, FAR, -1, -1
    for n in its:
        left, top, right, bottom = min(left, column[n]), min(top, row[n]), max(right, column[n]), max(bottom, row[n])
    first, sides = (left, top), (right - left + 1, bottom - top + 1)
    axis, at, least = -1, 0, _cost(sides[0], sides[1])
    if max(sides) > TILE:
        least = FAR * FAR
    elif sides[0] * sides[1] == len(its):
        return axis, at
    for a in range(2):
        count = sides[a]
        place, other = (column, row) if a == 0 else (row, column)
        low[:count], high[:count] = FAR, -1
        for n in its:
            k, across = place[n] - first[a], other[n]
            low[k], high[k] = min(low[k], across), max(high[k], across)
        near, far, reach = FAR, -1, 0
        for k in range(count - 1):
            if high[k] >= 0:
                reach = k + 1
            near, far = min(near, low[k]), max(far, high[k])
            cost[k] = _cost(reach, far - near + 1)
        near, far, reach = FAR, -1, 0
        for k in range(count - 1, 0, -1):
            if high[k] >= 0:
                reach = count - k
            near, far = min(near, low[k]), max(far, high[k])
            cost[k - 1] += _cost(reach, far - near + 1)
        for k in range(count - 1):
            if cost[k] < least:
                axis, at, least = a, first[a] + k, cost[k]
    return axis, at


@kernel
def _cost(columns: int, rows: int) -> int:
    """Return what a rectangle takes, in texels of the sheet; one longer than TILE, as the fewest that are not."""
    return columns * rows + PATCH * -(-columns // TILE) * -(-rows // TILE)


def _pack(sides: I64) -> tuple[I64, tuple[int, int]]:
    """Return column and row (P, 2) of rectangles in a sheet, and its height and width: shelves, the tallest first."""
    order = np.lexsort((-sides[:, 0], -sides[:, 1]))
    square = math.sqrt(int(sides.prod(axis=1).sum()))
    spot = np.empty_like(sides)
    first, last = WIDTHS if square < 1 << SPOT_BITS - 1 else WIDTHS_OF_LARGE
    widths = np.unique(np.maximum(np.linspace(first * square, last * square, SHEETS).astype(np.int64), TILE)).tolist()
    heights = [_shelve(sides, order, width, spot) for width in widths]
    best = int(np.argmin([high * wide for high, wide in zip(heights, widths, strict=True)]))
    return spot, (_shelve(sides, order, widths[best], spot), widths[best])


@kernel
def _shelve(sides: I64, order: I64, width: int, spot: I64) -> int:
    """Write column and row of rectangles in a sheet so wide, one beside another in an order; returns its height."""
    column = row = tall = 0
    for k in order:
        if column + sides[k, 0] > width:
            column, row, tall = 0, row + tall, 0
        spot[k, 0], spot[k, 1] = column, row
        column, tall = column + sides[k, 0], max(tall, sides[k, 1])
    return row + tall


def _texels_of(index: U32, width: int) -> I64:
    """Return the texel of each lobe (N,) of a picture so many texels wide."""
    count = np.stack([index[..., 1] >> np.uint32(4 * k) & np.uint32(15) for k in range(BLOCK)], axis=2)
    count = count.reshape(len(index), -1)[:, :width].ravel().astype(np.int64)
    return np.repeat(np.arange(len(count)), count)

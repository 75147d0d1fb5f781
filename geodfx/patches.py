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

from geodfx.arrays import F64, I64, U8, U32, Bool
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
    def nbytes(self) -> int:
        """Bytes of rectangles and sheet on a GPU."""
        return len(self.facet) * _rectangle_bytes(self) + math.prod(self.sheet.shape[:2]) * SHARE_BYTES


def make_patches(lobes: Lobes, alpha: U8) -> Patches:
    """Return the lobes, and the facets with extents, of what a stone covers of its picture (H, W)."""
    patches = _patch_lobes(lobes, alpha)
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
    patches, its = _patch(facet, texel, shape, np.zeros((len(facet), 3), np.uint8))
    area = patches.sides.prod(axis=1)
    of_area = area / area.sum() * math.prod(patches.sheet.shape[:2]) * SHARE_BYTES
    each: F64 = ((_rectangle_bytes(patches) + of_area) / np.bincount(its))[its]
    return each


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


def _patch_lobes(lobes: Lobes, alpha: U8) -> Patches:
    """Return the lobes of what a stone covers of its picture (H, W)."""
    none = np.zeros((0, 2), np.int64)
    empty = Patches(none[:, 0], none, none, none, np.zeros((1, 1, 3), np.uint8))
    if lobes.index.size == 0:
        return empty
    texel = _texels_of(lobes.index, alpha.shape[1])
    seen = np.flatnonzero(alpha.ravel()[texel])
    if len(seen) == 0:
        return empty
    facet = (lobes.refs[seen] & np.uint32(MOST_FACETS - 1)).astype(np.int64)
    patches, _ = _patch(facet, texel[seen], (alpha.shape[0], alpha.shape[1]), share_roots(lobes.refs[seen]))
    return patches


def _rectangle_bytes(patches: Patches) -> int:
    """Return the bytes of a rectangle's words."""
    return WIDE_BYTES if is_wide(patches) else NARROW_BYTES


def _patch(facet: I64, texel: I64, shape: tuple[int, int], roots: U8) -> tuple[Patches, I64]:
    """Return lobes (N,), one or more, with the roots (N, 3) of their shares, and which rectangle each is in.

    texel: does not fall from lobe to lobe.
    """
    order = np.argsort(facet, kind="stable")
    turn = _turns(facet[order], texel[order])
    group = facet[order] * (int(turn.max()) + 1) + turn
    if turn.any():
        again = np.argsort(group, kind="stable")
        order, group = order[again], group[again]
    row, column = np.divmod(texel[order], shape[1])
    start = np.append(np.flatnonzero(np.diff(group, prepend=-1)), len(group))
    its = np.empty(len(order), np.int64)
    count = _cut(start, column, row, its, max(shape))
    corner, last = np.full((count, 2), FAR), np.full((count, 2), -1)
    whose = np.empty(count, np.int64)
    whose[its] = facet[order]
    for axis, place in enumerate((column, row)):
        np.minimum.at(corner[:, axis], its, place)
        np.maximum.at(last[:, axis], its, place)
    sides = last - corner + 1
    spot, size = _pack(sides)
    sheet = np.zeros((*size, 3), np.uint8)
    place = spot[its] + np.stack([column, row], axis=1) - corner[its]
    sheet[place[:, 1], place[:, 0]] = roots[order]
    where = np.empty_like(its)
    where[order] = its
    return Patches(whose, corner, sides, spot, sheet), where


def _tile_extents(extent: I64) -> tuple[I64, I64, I64]:
    """Return extents (X, 4) in rectangles: their facets, first columns and rows, columns and rows."""
    across, down = (-(-extent[:, 2 + k] // EXTENT_TILE) for k in (0, 1))
    count = across * down
    facet = np.repeat(np.arange(len(extent)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    its = extent[facet]
    away = np.stack([number % across[facet], number // across[facet]], axis=1) * EXTENT_TILE
    return facet, its[:, :2] + away, np.minimum(its[:, 2:] - away, EXTENT_TILE)


def _turns(facet: I64, texel: I64) -> I64:
    """Return how many lobes right before each (N,) are of its facet and texel: those are for another rectangle."""
    same: Bool = (np.diff(facet, prepend=-1) == 0) & (np.diff(texel, prepend=-1) == 0)
    total = np.cumsum(same)
    turn: I64 = total - np.maximum.accumulate(np.where(same, 0, total))
    return turn


@kernel
def _cut(start: I64, column: I64, row: I64, part: I64, longest: int) -> int:
    """Write which rectangle each texel (N,) is in, group by group, which begin at start (G + 1,); returns how many.

    longest: side of the picture.
    """
    place = (column, row)
    low, high = np.empty(longest, np.int64), np.empty(longest, np.int64)
    cost = np.empty(longest, np.int64)
    order = np.arange(len(column))
    stack = np.empty((2 * longest + 2, 2), np.int64)
    count = 0
    for g in range(len(start) - 1):
        stack[0, 0], stack[0, 1], top = start[g], start[g + 1], 1
        while top > 0:
            top -= 1
            begin, end = stack[top, 0], stack[top, 1]
            axis, at = _best_cut(order[begin:end], place, low, high, cost)
            if axis < 0:
                for k in range(begin, end):
                    part[order[k]] = count
                count += 1
                continue
            left, right = begin, end - 1
            while left <= right:
                n = order[left]
                if place[axis][n] <= at:
                    left += 1
                else:
                    order[left], order[right] = order[right], n
                    right -= 1
            stack[top, 0], stack[top, 1] = left, end
            stack[top + 1, 0], stack[top + 1, 1] = begin, left
            top += 2
    return count


@kernel
def _best_cut(its: I64, place: tuple[I64, I64], low: I64, high: I64, cost: I64) -> tuple[int, int]:
    """Return the axis across which some texels are cut with least cost, and the last column or row before it.

    An axis below 0: no cut is worth it. low, high, cost: room for a number a column or row.
    """
    first = (FAR, FAR)
    last = (-1, -1)
    for n in its:
        first = (min(first[0], place[0][n]), min(first[1], place[1][n]))
        last = (max(last[0], place[0][n]), max(last[1], place[1][n]))
    sides = (last[0] - first[0] + 1, last[1] - first[1] + 1)
    axis, at, least = -1, 0, _cost(sides[0], sides[1])
    if max(sides) > TILE:
        least = FAR * FAR
    elif sides[0] * sides[1] == len(its):
        return axis, at
    for a in range(2):
        count = sides[a]
        low[:count], high[:count] = FAR, -1
        for n in its:
            k, across = place[a][n] - first[a], place[1 - a][n]
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

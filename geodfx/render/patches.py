"""The lobes facet by facet, as a GPU draws them: the shares of a facet's texels, in rectangles that hold few others.

A facet with an extent is drawn by its extent, whose texels all have its whole share: one patch of the sheet.

A frame draws the rectangles of facets that see light, and adds up what they show. Most facets see none of a few lights.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import I64, U8, U32
from geodfx.codes import BLOCK, MOST_FACETS, share_roots
from geodfx.lobe_map import Lobes

__all__ = ["PATCH", "TILE", "Patches", "make_patches"]

TILE = 16  # texels: no side of a rectangle is longer, so that a slanting facet's hold little else
PATCH = 6  # texels of the sheet that take as many bytes as another rectangle
EXTENT_TILE = 32  # texels: nor one of an extent
WHOLE = 255  # the root of a whole share in the sheet
HALF, QUARTER = 16, 8  # bits of a word


class Patches(NamedTuple):
    """P rectangles of texels, each of one facet, facet by facet, and the sheet that holds their shares."""

    # (P, 3) column, row in the picture, of 16 bits each; columns, rows of 8, facet of 16; column, row in the sheet
    words: U32
    sheet: U8  # (H, W, 3) `codes.share_roots`, about as high as wide


def make_patches(lobes: Lobes, alpha: U8) -> Patches:
    """Return the lobes, and the facets with extents, of what a stone covers of its picture (H, W)."""
    words, sheet = _patch_lobes(lobes, alpha)
    column, row, columns, rows, facet = _tile_extents(lobes.rectangles())
    if len(facet) == 0:
        return Patches(words, sheet)
    high, wide = sheet.shape[:2]
    joined = np.zeros((high + EXTENT_TILE, max(wide, EXTENT_TILE), 3), np.uint8)
    joined[:high, :wide], joined[high:, :EXTENT_TILE] = sheet, WHOLE
    whole = _words(column, row, columns, rows, facet, np.array([[0, high]]))
    return Patches(np.concatenate([words, whole]), joined)


def _patch_lobes(lobes: Lobes, alpha: U8) -> tuple[U32, U8]:
    """Return words and sheet of the lobes of what a stone covers of its picture (H, W)."""
    if lobes.index.size == 0:
        return np.zeros((0, 3), np.uint32), np.zeros((1, 1, 3), np.uint8)
    texel = _texels_of(lobes.index, alpha.shape[1])
    seen = np.flatnonzero(alpha.ravel()[texel])
    if len(seen) == 0:
        return np.zeros((0, 3), np.uint32), np.zeros((1, 1, 3), np.uint8)
    facet = (lobes.refs[seen] & np.uint32(MOST_FACETS - 1)).astype(np.int64)
    row, column = np.divmod(texel[seen], alpha.shape[1])
    across, down = -(-alpha.shape[1] // TILE), -(-alpha.shape[0] // TILE)
    key = (facet * down + row // TILE) * across + column // TILE
    order = np.argsort(key, kind="stable")
    turn = _turns(key[order], texel[seen[order]])
    if turn.any():
        key[order] += turn * (MOST_FACETS * down * across)
        order = np.argsort(key, kind="stable")
    facet, row, column, key = (each[order] for each in (facet, row, column, key))
    group = _split_sparse(np.cumsum(np.diff(key, prepend=-1) != 0) - 1, row, column)
    whole = np.argsort(facet * (int(group.max()) + 1) + group, kind="stable")
    facet, row, column, group, order = (each[whole] for each in (facet, row, column, group, order))
    first = np.flatnonzero(np.diff(group, prepend=-1))
    its = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(order))))
    left, top, columns, rows = _bounds(first, row, column)
    spot, size = _pack(columns, rows)
    sheet = np.zeros((*size, 3), np.uint8)
    place = spot[its] + np.stack([column - left[its], row - top[its]], axis=1)
    sheet[place[:, 1], place[:, 0]] = share_roots(lobes.refs[seen[order]])
    return _words(left, top, columns, rows, facet[first], spot), sheet


def _words(left: I64, top: I64, columns: I64, rows: I64, facet: I64, spot: I64) -> U32:
    """Return the words (P, 3) of rectangles, each beginning at a column and row of the sheet, spot (P, 2) or (1, 2)."""
    sides = columns | rows << QUARTER | facet << HALF
    at = np.broadcast_to(spot[:, 0] | spot[:, 1] << HALF, sides.shape)
    return np.stack([left | top << HALF, sides, at], axis=1).astype(np.uint32)


def _tile_extents(extent: I64) -> tuple[I64, I64, I64, I64, I64]:
    """Return extents (X, 4) in rectangles: first column and row, columns, rows, facet."""
    across, down = (-(-extent[:, 2 + k] // EXTENT_TILE) for k in (0, 1))
    count = across * down
    facet = np.repeat(np.arange(len(extent)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    its = extent[facet]
    right, below = (number % across[facet]) * EXTENT_TILE, (number // across[facet]) * EXTENT_TILE
    columns, rows = np.minimum(its[:, 2] - right, EXTENT_TILE), np.minimum(its[:, 3] - below, EXTENT_TILE)
    return its[:, 0] + right, its[:, 1] + below, columns, rows, facet


def _split_sparse(group: I64, row: I64, column: I64) -> I64:
    """Return the groups (N,) of lobes, whose numbers rise, each in up to four where smaller rectangles cost less.

    Facets of single texels all over the picture would fill tiles with nothing else.
    """
    group, fresh, tile = group.copy(), int(group[-1]) + 1, TILE
    some = np.arange(len(group))  # lobes whose rectangle holds much else
    first = np.flatnonzero(np.diff(group, prepend=-1))
    while tile > 1 and len(some):
        tile //= 2
        number = np.diff(np.append(first, len(some)))
        _, _, columns, rows = _bounds(first, row[some], column[some])
        some = some[np.repeat(columns * rows > number + PATCH, number)]
        if len(some) == 0:
            break
        part = group[some] * 4 + (row[some] // tile % 2) * 2 + column[some] // tile % 2
        order = np.argsort(part, kind="stable")
        some, part = some[order], part[order]
        quarter = np.flatnonzero(np.diff(part, prepend=-1))
        whole = np.flatnonzero(np.diff(part // 4, prepend=-1))
        parts = np.diff(np.append(np.searchsorted(quarter, whole), len(quarter)))
        split = np.add.reduceat(PATCH + _area(quarter, row[some], column[some]), np.searchsorted(quarter, whole))
        better = np.repeat(split < PATCH + _area(whole, row[some], column[some]), parts)
        name = np.where(better, fresh + np.arange(len(quarter)), part[quarter] // 4)
        fresh += len(quarter)
        group[some] = np.repeat(name, np.diff(np.append(quarter, len(some))))
        first = np.flatnonzero(np.diff(group[some], prepend=-1))
    return group


def _area(first: I64, row: I64, column: I64) -> I64:
    """Return how many texels the rectangles of groups hold, see `_bounds`."""
    _, _, columns, rows = _bounds(first, row, column)
    return columns * rows


def _bounds(first: I64, row: I64, column: I64) -> tuple[I64, I64, I64, I64]:
    """Return first column and row, columns and rows, of texels (N,) in groups that begin at first."""
    left, top = np.minimum.reduceat(column, first), np.minimum.reduceat(row, first)
    columns, rows = np.maximum.reduceat(column, first) - left + 1, np.maximum.reduceat(row, first) - top + 1
    return left, top, columns, rows


def _turns(key: I64, texel: I64) -> I64:
    """Return how many lobes right before each (N,) are of its rectangle and texel: those are for another rectangle."""
    total = np.concatenate([[0], np.cumsum((np.diff(key) == 0) & (np.diff(texel) == 0))])
    turn: I64 = total - np.maximum.accumulate(np.where(np.diff(total, prepend=-1) == 0, total, 0))
    return turn


def _pack(columns: I64, rows: I64) -> tuple[I64, tuple[int, int]]:
    """Return column and row (P, 2) of rectangles in a sheet, and its height and width: shelves, the tallest first."""
    width = max(TILE, math.ceil(math.sqrt(int((columns * rows).sum()))))
    spot = np.zeros((len(rows), 2), np.int64)
    column = row = tall = 0
    order = np.argsort(-rows, kind="stable")
    for k, wide, high in zip(order.tolist(), columns[order].tolist(), rows[order].tolist(), strict=True):
        if column + wide > width:
            column, row, tall = 0, row + tall, 0
        spot[k] = column, row
        column, tall = column + wide, max(tall, high)
    return spot, (row + tall, width)


def _texels_of(index: U32, width: int) -> I64:
    """Return the texel of each lobe (N,) of a picture so many texels wide."""
    count = np.stack([index[..., 1] >> np.uint32(4 * k) & np.uint32(15) for k in range(BLOCK)], axis=2)
    count = count.reshape(len(index), -1)[:, :width].ravel().astype(np.int64)
    return np.repeat(np.arange(len(count)), count)

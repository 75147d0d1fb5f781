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
PATCH = 8  # texels: what another rectangle costs, whose corners each look up its facet
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
    turn = np.empty_like(key)
    turn[order] = _turns(key[order], texel[seen[order]])
    key += turn * (MOST_FACETS * down * across)
    group = _split_sparse(np.unique(key, return_inverse=True)[1], row, column)
    order, first = _in_groups(np.unique(facet * len(group) + group, return_inverse=True)[1])
    facet, row, column = facet[order], row[order], column[order]
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
    """Return the groups (N,) of lobes, numbered from 0, each in up to four where smaller rectangles cost less.

    Facets of single texels all over the picture would fill tiles with nothing else.
    """
    group = group.copy()
    tile = TILE
    while tile > 1:
        tile //= 2
        order, first = _in_groups(group)
        _, _, columns, rows = _bounds(first, row[order], column[order])
        count = np.diff(np.append(first, len(order)))
        some = np.flatnonzero((columns * rows > count + PATCH)[group])
        if len(some) == 0:
            continue
        quarter = (row[some] // tile % 2) * 2 + column[some] // tile % 2
        names, part = np.unique(group[some] * 4 + quarter, return_inverse=True)
        order, first = _in_groups(part)
        _, _, wide, high = _bounds(first, row[some[order]], column[some[order]])
        split = np.bincount(names // 4, PATCH + wide * high, len(count))
        better = (split < PATCH + columns * rows)[group[some]]
        group[some[better]] = len(count) + part[better]
        group = np.unique(group, return_inverse=True)[1]
    return group


def _in_groups(group: I64) -> tuple[I64, I64]:
    """Return the order that sorts groups (N,), numbered from 0 without gaps, and where each begins in it."""
    order = np.argsort(group, kind="stable")
    return order, np.flatnonzero(np.diff(group[order], prepend=-1))


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

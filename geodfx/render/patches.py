"""The lobes facet by facet, as a GPU draws them: the shares of a facet's texels, in rectangles that hold few others.

A frame draws the rectangles of facets that see light, and adds up what they show. Most facets see none of a few lights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geodfx.arrays import I64, U8, U32
from geodfx.codes import BLOCK, MOST_FACETS, share_roots
from geodfx.lobe_map import Lobes

__all__ = ["SHEET_WIDTH", "TILE", "Patches", "make_patches"]

TILE = 16  # texels: no side of a rectangle is longer, so that a slanting facet's hold little else
SHEET_WIDTH = 4096
HALF, QUARTER = 16, 8  # bits of a word


class Patches(NamedTuple):
    """P rectangles of texels, each of one facet, facet by facet, and the sheet that holds their shares."""

    # (P, 3) column, row in the picture, of 16 bits each; columns, rows of 8, facet of 16; column, row in the sheet
    words: U32
    sheet: U8  # (H, SHEET_WIDTH, 3) `codes.share_roots`


def make_patches(lobes: Lobes, alpha: U8) -> Patches:
    """Return the lobes of what a stone covers of its picture (H, W)."""
    texel = _texels_of(lobes.index, alpha.shape[1])
    seen = np.flatnonzero(alpha.ravel()[texel])
    texel, refs = texel[seen], lobes.refs[seen]
    if len(refs) == 0:
        return Patches(np.zeros((0, 3), np.uint32), np.zeros((1, SHEET_WIDTH, 3), np.uint8))
    facet = (refs & np.uint32(MOST_FACETS - 1)).astype(np.int64)
    row, column = np.divmod(texel, alpha.shape[1])
    tile = row // TILE * -(-alpha.shape[1] // TILE) + column // TILE
    turn = _turns(facet, texel)
    order = np.lexsort((turn, tile, facet))
    facet, tile, turn, row, column = (each[order] for each in (facet, tile, turn, row, column))
    fresh = np.ones(len(facet), np.bool_)
    fresh[1:] = (np.diff(facet) != 0) | (np.diff(tile) != 0) | (np.diff(turn) != 0)
    first = np.flatnonzero(fresh)
    left, top = np.minimum.reduceat(column, first), np.minimum.reduceat(row, first)
    columns, rows = np.maximum.reduceat(column, first) - left + 1, np.maximum.reduceat(row, first) - top + 1
    across, down, height = _pack(columns, rows)
    its = np.cumsum(fresh) - 1
    sheet = np.zeros((height, SHEET_WIDTH, 3), np.uint8)
    sheet[down[its] + row - top[its], across[its] + column - left[its]] = share_roots(refs[order])
    sides = columns | rows << QUARTER | facet[first] << HALF
    words = np.stack([left | top << HALF, sides, across | down << HALF], axis=1)
    return Patches(words.astype(np.uint32), sheet)


def _turns(facet: I64, texel: I64) -> I64:
    """Return how many lobes before each (N,) are of its facet and texel: each of those has a rectangle of its own."""
    order = np.lexsort((texel, facet))
    same = np.zeros(len(order), np.int64)
    same[1:] = (np.diff(facet[order]) == 0) & (np.diff(texel[order]) == 0)
    total = np.cumsum(same)
    turn = np.empty_like(total)
    turn[order] = total - np.maximum.accumulate(np.where(same == 0, total, 0))
    return turn


def _pack(columns: I64, rows: I64) -> tuple[I64, I64, int]:
    """Return where rectangles lie in a sheet, column and row, and how high that is: shelves of rectangles as high."""
    order = np.lexsort((np.arange(len(rows)), -rows))
    across, down = np.zeros_like(columns), np.zeros_like(rows)
    column = row = tall = 0
    for k, wide, high in zip(order.tolist(), columns[order].tolist(), rows[order].tolist(), strict=True):
        if column + wide > SHEET_WIDTH or (column > 0 and high < tall):
            column, row = 0, row + tall
        if column == 0:
            tall = high
        across[k], down[k] = column, row
        column += wide
    return across, down, row + tall


def _texels_of(index: U32, width: int) -> I64:
    """Return the texel of each lobe (N,) of a picture so many texels wide."""
    count = np.stack([index[..., 1] >> np.uint32(4 * k) & np.uint32(15) for k in range(BLOCK)], axis=2)
    count = count.reshape(len(index), -1)[:, :width].ravel().astype(np.int64)
    return np.repeat(np.arange(len(count)), count)

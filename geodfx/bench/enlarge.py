"""A stone with more texels, for measuring what a frame of a size costs: nothing is added to what it shows."""

from __future__ import annotations

import dataclasses

import numpy as np

from geodfx.arrays import U8, U32
from geodfx.codes import first_lobe, lobe_count, pack_index
from geodfx.constants import EDGES
from geodfx.jit import kernel
from geodfx.lobe_map import Lobes, pack_extents
from geodfx.stone import Stone

__all__ = ["enlarge"]


def enlarge(stone: Stone, times: int) -> Stone:
    """Return a stone in which each texel is times x times texels, with the facets that it has."""
    if times == 1:
        return stone
    base = dataclasses.replace(stone.base, planes=_repeated(stone.base.planes, times))
    lobes = None if stone.lobes is None else _enlarge_lobes(stone.lobes, stone.alpha.shape, times)
    return dataclasses.replace(stone, alpha=_repeated(stone.alpha, times), base=base, lobes=lobes)


def _repeated(planes: U8, times: int) -> U8:
    return planes.repeat(times, axis=-2).repeat(times, axis=-1)


def _enlarge_lobes(lobes: Lobes, shape: tuple[int, int], times: int) -> Lobes:
    count = np.zeros(shape if lobes.index.size else (0, 0), np.uint8)
    refs = np.empty(len(lobes.refs) * times * times, np.uint32)
    _repeat_lobes(lobes.index, lobes.refs, shape[1], times, count, refs)
    slopes = lobes.slopes.copy()
    column, row = slopes[:, 0] & np.uint32(65535), slopes[:, 0] >> np.uint32(16)
    middle = np.uint32(times // 2)
    slopes[:, 0] = (column * np.uint32(times) + middle) | (row * np.uint32(times) + middle) << np.uint32(16)
    index = pack_index(_repeated(count, times))
    extents = pack_extents(lobes.rectangles() * times)
    edges = _turn_less(lobes.edges, times)
    return Lobes(index, refs, lobes.facets, slopes, lobes.slope_step / times, edges, lobes.flat, extents)


def _turn_less(edges: U32, times: int) -> U32:
    """Return edges of facets as far from their middles in texels that are so many times smaller."""
    turn = edges[:, :EDGES].astype(np.int64)
    low, high = ((turn >> shift & 65535) - 32768 for shift in (0, 16))
    smaller = [np.rint(each / times).astype(np.int64) + 32768 for each in (low, high)]
    less = edges.copy()
    less[:, :EDGES] = smaller[0] | smaller[1] << 16
    return less


@kernel
def _repeat_lobes(index: U32, refs: U32, width: int, times: int, count: U8, out: U32) -> None:
    """Write how many lobes each texel has to count (H, W), and those of the texels of the larger stone to out."""
    n = 0
    for y in range(index.shape[0]):
        for _ in range(times):
            for x in range(width):
                start, counts = index[y, x // 8, 0], index[y, x // 8, 1]
                first, many = first_lobe(start, counts, x), lobe_count(counts, x)
                count[y, x] = many
                for _ in range(times):
                    for k in range(many):
                        out[n] = refs[first + k]
                        n += 1

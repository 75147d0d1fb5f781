"""Where the light of a facet is worked out: at the nodes of a grid over it, between which its texels read it.

A facet whose texels all look the same way has one node. Of one whose direction changes across it, a step from node to
node is at most CELL, or half of the facet's own width, which softens what it sees; texels read between the four nodes
around them. A facet whose texels lie so scattered that it would have more than NODES_A_LOBE nodes for each has longer
steps. All grids lie in one atlas, shelf by shelf; its first node is nobody's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, I64, U32, Bool
from geodfx.basis import chart_point
from geodfx.codes import first_lobe, lobe_count, unpack_facet
from geodfx.constants import CELL
from geodfx.jit import kernel
from geodfx.lobe_map import BLUE, CENTRE, FLAT, FORM, PLACE, RED, SLOPE, WIDTH, Lobes, facet_point
from geodfx.patches import Patches

__all__ = ["Cells", "are_between_nodes", "fire_reach", "is_fine", "make_cells", "node_point", "pack_grids"]

STRETCH = np.float32(1.4143)  # chords on the sphere are at most sqrt(2) times as long as steps on the chart
ATLAS_WIDTH = 1024  # at most; about as wide as high where there are few nodes
MOST_NODES = 512  # along a side of a grid
ROW_BITS, SIDE_BITS = 14, 9  # of a grid's words
NODES_A_LOBE = 2
RIM_ERROR = 0.03
MOST = 0.99  # of the lobes: their steps count
INSET = 1e-3  # of a step: texels stay as far from the rim of their grid, so that rounding reads no neighbour's light


class Cells(NamedTuple):
    """The grids of F facets in an atlas. A node is a texel of the atlas."""

    size: tuple[int, int]  # width and height of the atlas, powers of two: rounding would read others' nodes
    first: I64  # (F, 2) column and row of a grid's first node
    nodes: I64  # (F, 2) its columns and rows; (1, 1) and no step: one node
    place: F32  # (F, 4) where texel (x, y) reads: column place[0] + place[2] x, row place[1] + place[3] y
    step: float  # on the chart between nodes, of all but a few lobes at most
    spread: F32  # (F,) how far, as a chord, directions lie from that at the facet's centre; 0: it has no slope
    middle: F32  # (3, F) that one, of green
    form: F32  # (2, F) of the lobe, see `basis.formed_chord`
    reach: F32  # (F,) how far from it, as a chord, the facet sees anything


def make_cells(lobes: Lobes, facets: F32, shape: tuple[int, int]) -> Cells:
    """Return the grids of the facets, `decode_facets` of the lobes of a picture (H, W). Extents have none."""
    total = len(facets)
    low, high = np.full((total, 2), 1 << 30), np.full((total, 2), -1)
    members, spread = np.zeros(total, np.int64), np.zeros(total, np.float32)
    _measure(lobes.index, lobes.refs, facets, shape[1], low, high, members, spread)
    extent = np.maximum(high - low, 0)
    step = np.maximum(facets[:, WIDTH] * np.float32(0.5), np.float32(CELL))
    slope = np.stack([np.hypot(facets[:, SLOPE + k], facets[:, SLOPE + 2 + k]) for k in (0, 1)], axis=1)
    count = np.minimum(np.ceil(extent * slope / step[:, None]).astype(np.int64), extent) + 1
    while True:
        many = (count.prod(axis=1) > np.maximum(NODES_A_LOBE * members, 1)) | (count.max(axis=1) > MOST_NODES)
        if not many.any():
            break
        count[many] = (count[many] + 1) // 2  # ends at one node
    first, size = _pack(count)

    place = np.zeros((total, 4), np.float64)
    for k in (0, 1):
        wide = count[:, k] > 1
        # A column of one texel stands where that texel is; where nothing changes along a row, all read one node.
        scale = np.where(wide, (count[:, k] - 1 - 2 * INSET) / np.maximum(extent[:, k], 1), extent[:, k] == 0)
        scale[spread == 0] = 0
        place[:, k] = first[:, k] + np.where(wide, INSET, 0) - scale * np.where(scale > 0, low[:, k], 0)
        place[:, 2 + k] = scale
    longest = np.where(place[:, 2:] > 0, slope / np.maximum(place[:, 2:], 1e-9), 0).max(axis=1, initial=0)
    most = np.quantile(np.repeat(longest, members), MOST) if members.any() else 0.0
    middle, reach = np.empty((3, total), np.float32), np.empty(total, np.float32)
    _reach(facets, spread, middle, reach)
    form = np.ascontiguousarray(facets[:, FORM : FORM + 2].T)
    return Cells(size, first, count, place.astype(np.float32), float(most), spread, middle, form, reach)


def pack_grids(cells: Cells) -> U32:
    """Return where each facet's grid lies in the atlas (F, 2), as shaders/cells_vertex.glsl reads it.

    Facet, first column of 16 bits each; first row of 14 bits, columns and rows less one of 9 bits each.
    """
    (column, row), (columns, rows) = cells.first.T, cells.nodes.T
    facet, sides = np.arange(len(cells.first)), columns - 1 | rows - 1 << SIDE_BITS
    return np.stack([facet | column << 16, row | sides << ROW_BITS], axis=1).astype(np.uint32)


def _pack(count: I64) -> tuple[I64, tuple[int, int]]:
    """Return where grids (F, 2) of columns and rows lie in the atlas, and its width and height."""
    first = np.zeros_like(count)
    widest = int(count[:, 0].max(initial=0)) + 1
    width = min(_power(max(math.sqrt(int(count.prod(axis=1).sum())), widest)), ATLAS_WIDTH)
    column, row, tall = 1, 0, 1  # none begins in the corner, which stays black
    for f in np.lexsort((-count[:, 0], -count[:, 1])).tolist():
        columns, rows = count[f].tolist()
        if column + columns > width:
            column, row, tall = 0, row + tall, 0
        first[f] = column, row
        column, tall = column + columns, max(tall, rows)
    return first, (width, _power(row + tall))


def are_between_nodes(cells: Cells, patches: Patches) -> Bool:
    """Tell of each rectangle (P,) whether all of its texels read the same nodes: its corners then tell their light.

    Not of one that is beside a single node of its facet, whose corners would tell of others' nodes.
    """
    place, nodes = cells.place[patches.facet].astype(np.float64), cells.nodes[patches.facet]
    first = place[:, :2] + place[:, 2:] * patches.corner
    last = first + place[:, 2:] * (patches.sides - 1)
    same = (np.floor(first) == np.floor(last)) & (nodes > 1)
    within: Bool = (same | (place[:, 2:] == 0)).all(axis=1)
    return within


def _power(least: float) -> int:
    """Return the lowest power of two from some number, 1 or more, on."""
    return 1 << math.ceil(math.log2(max(least, 1)))


def is_fine(lights: F32, step: float) -> bool:
    """Tell whether one of some lights (L, 9), as of `Lighting`, is too small for its rim to be told from nodes.

    Between nodes a step apart the squared chord to a light, straight but for its square, errs by step^2 / 4: of the rim
    that may be RIM_ERROR. With steps of CELL a light of 1.9 degrees is large enough.
    """
    ramp = 2 * np.sqrt(12 * lights[:, 3] * lights[:, 4])
    return bool((ramp * RIM_ERROR < step * step / 4).any())


@kernel
def _measure(index: U32, refs: U32, facets: F32, width: int, low: I64, high: I64, members: I64, spread: F32) -> None:
    """Write the columns and rows between which a facet's texels lie, how many, and how far its directions spread."""
    for y in range(index.shape[0]):
        for x in range(width):
            start, counts = index[y, x // 8, 0], index[y, x // 8, 1]
            first = first_lobe(start, counts, x)
            for n in range(first, first + lobe_count(counts, x)):
                f = unpack_facet(refs[n])
                members[f] += 1
                low[f, 0], low[f, 1] = min(low[f, 0], x), min(low[f, 1], y)
                high[f, 0], high[f, 1] = max(high[f, 0], x), max(high[f, 1], y)
                spread[f] = max(spread[f], _off_centre(facets[f], x, y))


@kernel
def _reach(facets: F32, spread: F32, middle: F32, reach: F32) -> None:
    """Write where green leaves each facet at its centre, and how far from there it sees anything."""
    for f in range(len(facets)):
        facet = facets[f]
        middle[0, f], middle[1, f], middle[2, f] = chart_point(facet[PLACE], facet[PLACE + 1], facet[FLAT] > 0)
        reach[f] = np.float32(2.4495) * facet[WIDTH] + fire_reach(facet) + spread[f]  # sqrt(6), see `lobe_response`


@kernel
def fire_reach(facet: F32) -> np.float32:
    """Return the longest chord from green's direction to red's or blue's, or more."""
    red, blue = facet[RED] ** 2 + facet[RED + 1] ** 2, facet[BLUE] ** 2 + facet[BLUE + 1] ** 2
    far: np.float32 = STRETCH * np.sqrt(max(red, blue))
    return far


@kernel
def _off_centre(facet: F32, x: int, y: int) -> np.float32:
    """Return how far, as a chord or more, a facet's direction at a texel lies from that at its centre."""
    right, down = np.float32(x) - facet[CENTRE], np.float32(y) - facet[CENTRE + 1]
    a, b = facet[SLOPE] * right + facet[SLOPE + 1] * down, facet[SLOPE + 2] * right + facet[SLOPE + 3] * down
    far: np.float32 = STRETCH * np.sqrt(a * a + b * b)
    return far


@kernel
def node_point(facet: F32, place: F32, column: int, row: int) -> tuple[np.float32, np.float32]:
    """Return where green leaves a facet, a row of `decode_facets`, at a node of its grid in the atlas."""
    right = down = np.float32(0.0)
    if place[2] > 0:
        right = (np.float32(column) - place[0]) / place[2] - facet[CENTRE]
    if place[3] > 0:
        down = (np.float32(row) - place[1]) / place[3] - facet[CENTRE + 1]
    return facet_point(facet, right, down)

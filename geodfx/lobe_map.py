"""The sharp part of a stone: a table of virtual facets that texels share, and for each texel how much it sees of which.

Facets are flat, so that the texels that see one share a light path: its direction in each channel, which changes
linearly across the facet under a near camera, and its width. A lobe of a texel is a share of its facet's weights.
Over tilts a facet ends at edges of its own, and has an extent in place of lobes: a rectangle of texels, all of which
see what those let through. `codes` tells the bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64, I64, U32, deferrable, frozen, unread
from geodfx.basis import chart_decode
from geodfx.codes import (
    BLOCK,
    MOST_FACETS,
    first_lobe,
    lobe_count,
    pack_index,
    pack_offset,
    pack_pair,
    pack_share,
    pack_width,
    rgb9e5_decode,
    rgb9e5_encode,
    sum_counts,
    unpack_facet,
    unpack_offset,
    unpack_pair,
    unpack_share,
    unpack_width,
)
from geodfx.constants import CHART_STEP, EDGE_MOVE_STEP, EDGE_OFFSET_STEP, EDGE_TURN_STEP, EDGES
from geodfx.errors import StoneError
from geodfx.jit import kernel

__all__ = [
    "FacetTable",
    "Lobes",
    "Unpacked",
    "decode_edges",
    "decode_facets",
    "doubt_quantiles",
    "empty_lobes",
    "facet_point",
    "no_edges",
    "no_extents",
    "pack_extents",
    "pack_flashes",
    "pack_lobes",
    "unpack_lobes",
]

CHUNK = 1 << 16  # lobes that are packed at a time
EDGE_WORDS = 16
FORM_STEP = 1 / 32767  # of a form's codes
NO_FORM = np.uint32(0x80008000)  # exclusively or'd with a form's word, so that a round lobe's is 0
# Columns of `decode_facets`.
PLACE, RED, BLUE, WIDTH, DOUBT, WEIGHT, CENTRE, SLOPE, FORM, FLAT, COLUMNS = 0, 2, 4, 6, 7, 8, 11, 13, 17, 19, 20


def no_edges() -> U32:
    """Return the edges of facets that have none."""
    return np.zeros((0, EDGE_WORDS), np.uint32)


def no_extents() -> U32:
    """Return the extents of facets that have none."""
    return np.zeros((0, 2), np.uint32)


@deferrable("refs")
@dataclass(frozen=True)
class Lobes:
    """The sharp part of H x W texels: N lobes of F facets, the first S of which have a slope."""

    # (H, ceil(W / 8), 2) where the lobes of eight texels start, and how many each has; (0, 0, 2) where none has any
    index: U32
    refs: U32  # (N,) texel by texel in row order, strongest first
    facets: U32  # (F, 4)
    slopes: U32  # (S, 4)
    slope_step: float  # of the slopes' codes
    edges: U32 = field(default_factory=no_edges)  # (E, 16) of the first E facets, over tilts
    flat: bool = False  # directions are points of the chart as a plane, see `basis.chart_point`
    extents: U32 = field(default_factory=no_extents)  # (X, 2) of the first X facets, which end at edges

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", frozen("lobe index", self.index, np.uint32, (None, None, 2)))
        object.__setattr__(self, "refs", frozen("lobe refs", unread(self, "refs"), np.uint32, (None,)))
        object.__setattr__(self, "facets", frozen("facets", self.facets, np.uint32, (None, 4)))
        object.__setattr__(self, "slopes", frozen("facet slopes", self.slopes, np.uint32, (None, 4)))
        object.__setattr__(self, "edges", frozen("facet edges", self.edges, np.uint32, (None, EDGE_WORDS)))
        object.__setattr__(self, "extents", frozen("facet extents", self.extents, np.uint32, (None, 2)))
        if len(self.extents) > len(self.edges):
            raise ValueError(f"{len(self.edges)} facets with edges and {len(self.extents)} with extents cannot be")
        if len(self.extents) and not self.flat:
            raise ValueError("facets with extents that are not flat cannot be")
        if len(self.edges) > len(self.slopes):
            raise ValueError(f"{len(self.slopes)} facets with slopes and {len(self.edges)} with edges cannot be")
        if not len(self.slopes) <= len(self.facets) <= MOST_FACETS:
            raise ValueError(f"{len(self.facets)} facets with {len(self.slopes)} slopes cannot be")
        total = sum_counts(self.index[..., 1]).ravel()
        start = np.cumsum(total) - total
        if not (np.array_equal(start, self.index[..., 0].ravel()) and total.sum() == unread(self, "refs").shape[0]):
            raise ValueError(f"the lobes' index does not lead to {unread(self, 'refs').shape[0]} lobes")

    @property
    def nbytes(self) -> int:
        """Bytes of the tables; a GPU has lobes facet by facet, see `patches`."""
        tables = (self.index, unread(self, "refs"), self.facets, self.slopes, self.edges, self.extents)
        return sum(array.nbytes for array in tables)

    @property
    def seen(self) -> int:
        """How many facets texels see, all of them together: their lobes, and the facets whose extents they lie in."""
        lobes: int = unread(self, "refs").shape[0]
        return lobes + int(self.rectangles()[:, 2:].prod(axis=1).sum())

    def rectangles(self) -> I64:
        """Return the extents as numbers (X, 4): first column and row, columns and rows."""
        words = self.extents.astype(np.int64)
        return np.stack([words[:, 0] & 65535, words[:, 0] >> 16, words[:, 1] & 65535, words[:, 1] >> 16], axis=1)

    def check(self) -> None:
        """Raise StoneError if a lobe's facet is not in the table; `refs` are read for it."""
        if len(self.refs) and int((self.refs & np.uint32(MOST_FACETS - 1)).max()) >= len(self.facets):
            told = f"the stone is not sound: a lobe belongs to a facet that is not in the table of {len(self.facets)}"
            raise StoneError(f"{told}; make it again with `geodfx process`")


@dataclass(frozen=True)
class FacetTable:
    """F facets before they are packed. On the chart, the direction at a texel is place + slope (texel - centre)."""

    place: F64  # (F, 3, 2) of red, green and blue
    slope: F64  # (F, 2, 2) of a and b, to the right and down, a texel; zeros: the facet needs none
    centre: I64  # (F, 2) column and row
    width: F64  # (F,) chord >= 0
    doubt: F64  # (F,) standard deviation of the direction, a chord: how far the photos leave it open
    form: F64 | None = None  # (F, 2) how much longer than wide, see `formed_chord`; None: all round
    edge: F64 | None = None  # (F, EDGES, 5) offset, turn to the right and down, move by a and b; None: no ends
    flat: bool = False  # see `Lobes`


class Unpacked(NamedTuple):
    """N lobes as numbers."""

    texel: I64  # (N,) row W + column
    facet: I64  # (N,)
    direction: F32  # (N, 3, 3) of red, green and blue
    weight: F32  # (N, 3)
    width: F32  # (N,) chord


def empty_lobes(shape: tuple[int, int]) -> Lobes:
    """Return the sharp part of a picture (H, W) that has none."""
    index = np.zeros((shape[0], -(-shape[1] // BLOCK), 2), np.uint32)
    return Lobes(index, np.zeros(0, np.uint32), np.zeros((0, 4), np.uint32), np.zeros((0, 4), np.uint32), 1.0)


def pack_lobes(shape: tuple[int, int], texel: I64, facet: I64, weight: F64, table: FacetTable) -> Lobes:
    """Return lobes (N,) of texels (N,) that rise, row W + column, with weights (N, 3) >= 0 and facets (N,) of a table.

    Facets without lobes are left out, and where there are more than MOST_FACETS, those of the least weight with their
    lobes.
    """
    total = np.bincount(facet, weights=weight.sum(axis=1), minlength=len(table.width))
    used = np.flatnonzero(total > 0)
    if len(used) > MOST_FACETS:
        used = np.sort(used[np.argsort(-total[used], kind="stable")[:MOST_FACETS]])
    steep = table.slope[used].reshape(len(used), 4).any(axis=1)
    if table.form is not None:
        steep |= table.form[used].any(axis=1)
    ends = np.zeros(len(used), np.bool_) if table.edge is None else table.edge[used, :, 1:].any(axis=(1, 2))
    steep |= ends
    order = np.concatenate([used[ends], used[steep & ~ends], used[~steep]])
    name = np.full(len(table.width), -1)
    name[order] = np.arange(len(order))
    kept = name[facet] >= 0
    if not kept.all():
        texel, facet, weight = texel[kept], facet[kept], weight[kept]
    facet = name[facet]

    largest = np.zeros((len(order), 3))
    np.maximum.at(largest, facet, weight)
    words = rgb9e5_encode(largest)
    largest = np.array([rgb9e5_decode(word) for word in words], np.float64).reshape(-1, 3)
    refs = np.empty(len(facet), np.uint32)
    for begin in range(0, len(refs), CHUNK):
        some = slice(begin, begin + CHUNK)
        refs[some] = pack_share(facet[some], weight[some] / np.maximum(largest[facet[some]], 1e-12))
    there = (refs >> np.uint32(16)) > 0
    count = np.zeros(shape[0] * shape[1], np.uint8)
    np.add.at(count, texel[there], 1)

    steep_count, edged = int(np.count_nonzero(steep)), int(np.count_nonzero(ends))
    return Lobes(
        pack_index(count.reshape(shape)),
        refs[there],
        *_pack_facets(table, order, words, steep_count, edged),
        table.flat,
    )


def pack_flashes(table: FacetTable, weight: F64, extent: I64) -> Lobes:
    """Return facets with edges and extents (F, 4), first column and row, columns and rows; weights (F, 3) >= 0.

    Texels have no lobes. Where there are more facets than MOST_FACETS, those of the least weight are left out.
    """
    total = weight.sum(axis=1)
    used = np.flatnonzero(total > 0)
    if len(used) > MOST_FACETS:
        used = np.sort(used[np.argsort(-total[used], kind="stable")[:MOST_FACETS]])
    words = rgb9e5_encode(weight[used])
    parts = _pack_facets(table, used, words, len(used), len(used))
    empty = np.zeros((0, 0, 2), np.uint32)
    return Lobes(empty, np.zeros(0, np.uint32), *parts, table.flat, pack_extents(extent[used]))


def pack_extents(extent: I64) -> U32:
    """Return extents (X, 4), first column and row, columns and rows, as words (X, 2)."""
    words: U32 = (extent[:, ::2] | extent[:, 1::2] << 16).astype(np.uint32)
    return words


def _pack_facets(table: FacetTable, order: I64, weight: U32, steep: int, edged: int) -> tuple[U32, U32, float, U32]:
    """Return some facets of a table as words, their slopes with the step of these, and edges.

    weight: (F,) words. The first `steep` of them have a slope, the first `edged` edges.
    """
    place = table.place[order]
    green = pack_pair(place[:, 1], CHART_STEP)
    middle = np.array([unpack_pair(word, np.float32(CHART_STEP)) for word in green], np.float64).reshape(-1, 2)
    red = pack_offset(place[:, 0] - middle) | pack_width(table.width[order])
    blue = pack_offset(place[:, 2] - middle) | pack_width(table.doubt[order])
    slope = table.slope[order[:steep]]
    step = float(np.float32(max(float(np.abs(slope).max(initial=0.0)) / 32767, 1e-12)))
    centre = table.centre[order[: len(slope)]].astype(np.uint32)
    slopes = np.zeros((len(slope), 4), np.uint32)
    slopes[:, 0] = centre[:, 0] | centre[:, 1] << np.uint32(16)
    slopes[:, 1], slopes[:, 2] = pack_pair(slope[:, 0], step), pack_pair(slope[:, 1], step)
    if table.form is not None:
        slopes[:, 3] = pack_pair(table.form[order[: len(slope)]], FORM_STEP) ^ NO_FORM
    facets = np.stack([green, weight, red, blue], axis=1)
    edges = no_edges() if table.edge is None else _pack_edges(table.edge[order[:edged]])
    return facets, slopes, step, edges


def _pack_edges(edge: F64) -> U32:
    """Return edges (S, EDGES, 5) as words (S, 16)."""
    words = np.zeros((len(edge), EDGE_WORDS), np.uint32)
    for e in range(EDGES):
        words[:, e] = pack_pair(edge[:, e, 1:3], EDGE_TURN_STEP)
        words[:, EDGES + e] = pack_pair(edge[:, e, 3:5], EDGE_MOVE_STEP)
    for pair in range(EDGES // 2):
        words[:, 2 * EDGES + pair] = pack_pair(edge[:, 2 * pair : 2 * pair + 2, 0], EDGE_OFFSET_STEP)
    return words


def unpack_lobes(lobes: Lobes, width: int) -> Unpacked:
    """Return all lobes of a picture so many texels wide. Raises StoneError where one has no facet."""
    lobes.check()
    count = len(lobes.refs)
    out = Unpacked(
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty((count, 3, 3), np.float32),
        np.empty((count, 3), np.float32),
        np.empty(count, np.float32),
    )
    _unpack_all(lobes.index, lobes.refs, decode_facets(lobes), width, out)
    return out


def doubt_quantiles(lobes: Lobes, shares: Sequence[float]) -> F64:
    """Return how far the photos leave the lobes' directions open, radians: what a share of all lobes stay below.

    nan where there are no lobes.
    """
    lobes.check()
    doubt = decode_facets(lobes)[lobes.refs & np.uint32(MOST_FACETS - 1), DOUBT]
    if len(doubt) == 0:
        return np.full(len(shares), np.nan)
    open_to: F64 = 2 * np.arcsin(np.quantile(doubt.astype(np.float64), shares) / 2)
    return open_to


def decode_facets(lobes: Lobes) -> F32:
    """Return the facets as rows of numbers (F, COLUMNS).

    a, b of green; offsets of red and blue; width; doubt; weights of red, green, blue; column, row; slopes of a to the
    right and down, and of b; form; 1 for a flat one.
    """
    rows = np.zeros((len(lobes.facets), COLUMNS), np.float32)
    _decode_facets(lobes.facets, lobes.slopes, np.float32(lobes.slope_step), rows)
    rows[:, FLAT] = lobes.flat
    return rows


def decode_edges(lobes: Lobes) -> F32:
    """Return the edges of facets (S, EDGES, 5) as numbers: offset, turn to the right and down, move by a and b."""
    rows = np.zeros((len(lobes.edges), EDGES, 5), np.float32)
    _decode_edges(lobes.edges, rows)
    return rows


@kernel
def _decode_edges(edges: U32, rows: F32) -> None:
    for f in range(len(edges)):
        for e in range(EDGES):
            row = rows[f, e]
            row[1], row[2] = unpack_pair(edges[f, e], np.float32(EDGE_TURN_STEP))
            row[3], row[4] = unpack_pair(edges[f, EDGES + e], np.float32(EDGE_MOVE_STEP))
            row[0] = unpack_pair(edges[f, 2 * EDGES + e // 2], np.float32(EDGE_OFFSET_STEP))[e % 2]


@kernel
def _decode_facets(facets: U32, slopes: U32, slope_step: np.float32, rows: F32) -> None:
    for f in range(len(facets)):
        row = rows[f]
        row[PLACE], row[PLACE + 1] = unpack_pair(facets[f, 0], np.float32(CHART_STEP))
        row[RED], row[RED + 1] = unpack_offset(facets[f, 2])
        row[BLUE], row[BLUE + 1] = unpack_offset(facets[f, 3])
        row[WIDTH], row[DOUBT] = unpack_width(facets[f, 2]), unpack_width(facets[f, 3])
        row[WEIGHT], row[WEIGHT + 1], row[WEIGHT + 2] = rgb9e5_decode(facets[f, 1])
        if f < len(slopes):
            row[CENTRE] = np.float32(slopes[f, 0] & np.uint32(65535))
            row[CENTRE + 1] = np.float32(slopes[f, 0] >> np.uint32(16))
            row[SLOPE], row[SLOPE + 1] = unpack_pair(slopes[f, 1], slope_step)
            row[SLOPE + 2], row[SLOPE + 3] = unpack_pair(slopes[f, 2], slope_step)
            row[FORM], row[FORM + 1] = unpack_pair(slopes[f, 3] ^ NO_FORM, np.float32(FORM_STEP))


@kernel
def facet_point(facet: F32, right: np.float32, down: np.float32) -> tuple[np.float32, np.float32]:
    """Return where green leaves a facet, a row of `decode_facets`, so many texels right of its own and below.

    A point of the chart. Twin of point_at() in shaders/facet.glsl.
    """
    a = facet[PLACE] + facet[SLOPE] * right + facet[SLOPE + 1] * down
    b = facet[PLACE + 1] + facet[SLOPE + 2] * right + facet[SLOPE + 3] * down
    return a, b


@kernel
def _unpack_all(index: U32, refs: U32, rows: F32, width: int, out: Unpacked) -> None:
    for y in range(index.shape[0]):
        for x in range(width):
            start, counts = index[y, x // 8, 0], index[y, x // 8, 1]
            first = first_lobe(start, counts, x)
            for n in range(first, first + lobe_count(counts, x)):
                f = unpack_facet(refs[n])
                row, share = rows[f], unpack_share(refs[n])
                a, b = facet_point(row, np.float32(x) - row[CENTRE], np.float32(y) - row[CENTRE + 1])
                out.texel[n], out.facet[n], out.width[n] = y * width + x, f, row[WIDTH]
                red = chart_decode(a + row[RED], b + row[RED + 1])
                green = chart_decode(a, b)
                blue = chart_decode(a + row[BLUE], b + row[BLUE + 1])
                for j in range(3):
                    out.direction[n, 0, j], out.direction[n, 1, j], out.direction[n, 2, j] = red[j], green[j], blue[j]
                    out.weight[n, j] = share[j] * row[WEIGHT + j]

"""From the lobes and facets of a fit to the tables of a stone, and what they take, there and on a GPU."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from geodfx.arrays import F32, F64, Bool
from geodfx.basis import chart_encode, lobe_response
from geodfx.capture.facet_find import Facets, Members, Places, look_along
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, held
from geodfx.codes import BLOCK
from geodfx.jit import kernel
from geodfx.lobe_map import EDGE_WORDS, FacetTable, Lobes, pack_lobes
from geodfx.patches import WIDE_BYTES, drawn_bytes

__all__ = [
    "DIM",
    "ENDED_BYTES",
    "FACET_BYTES",
    "FLASH_BYTES",
    "LOBE_BYTES",
    "SLOPE_BYTES",
    "flatten",
    "index_bytes",
    "keep_lobes",
    "most_shown",
    "pack",
    "packed_bytes",
    "room_for_lobes",
    "tabulate",
]

DIM = 0.01  # of displayed white: a lobe that shows no more is left out; diamond 3 % of them, and 0.01 dB
FLAT = 0.02  # of the light's radius: a facet whose direction changes less from middle to rim needs no slope
CHUNK = 1 << 12  # texels that are worked on at a time
LOBE_BYTES, FACET_BYTES, SLOPE_BYTES, BLOCK_BYTES = 4, 16, 16, 8
ENDED_BYTES = FACET_BYTES + SLOPE_BYTES + 4 * EDGE_WORDS  # of a facet with edges
FLASH_BYTES = ENDED_BYTES + WIDE_BYTES  # and with an extent of one rectangle: its tables take less


def pack(sets: LobeSets, facets: Facets, members: Members, places: Places, search: Search) -> Lobes:
    """Return the lobes of texels (T,) of a picture that show DIM or more. Each has a facet."""
    height, width = places.texel.shape
    kept_at_all = most_shown(sets, search) >= DIM
    its = np.repeat(places.row.astype(np.int64) * width + places.column, kept_at_all.sum(axis=1))
    facet, weight = np.empty(len(its), np.int64), np.empty((len(its), 3))
    done = 0
    for some in _slices(len(sets.number)):
        brightness = np.where(kept_at_all[some], sets.amplitude[some].sum(axis=2), -1)
        order = np.argsort(-brightness, axis=1, kind="stable")
        rows = np.arange(len(order))[:, None]
        kept = kept_at_all[some][rows, order]
        part = slice(done, done + int(np.count_nonzero(kept)))
        weight[part] = sets.amplitude[some][rows, order][kept]
        facet[part] = sets.facet[some][rows, order][kept]
        done = part.stop
    weight /= search.ceiling
    table = tabulate(facets, members, places, FLAT * float(search.radius))
    return pack_lobes((height, width), its, facet, weight, table)


def packed_bytes(sets: LobeSets, facets: Facets, places: Places, search: Search) -> int:
    """Return how many bytes index, lobes and facets take at most once they are packed, or on a GPU, if that is more."""
    shown = most_shown(sets, search) >= DIM
    facet = sets.facet[shown].astype(np.int64)
    height, width = places.texel.shape
    texel = np.repeat(places.row.astype(np.int64) * width + places.column, shown.sum(axis=1))
    used = np.bincount(facet, minlength=len(facets.width)) > 0
    steep = used & (facets.plane[:, 1:].any(axis=(1, 2)) | facets.form.any(axis=1))
    tables = FACET_BYTES * np.count_nonzero(used) + SLOPE_BYTES * np.count_nonzero(steep)
    listed = index_bytes((height, width)) + LOBE_BYTES * len(facet)
    drawn = float(drawn_bytes(facet, texel, (height, width)).sum())
    return int(tables) + max(listed, math.ceil(drawn))


def room_for_lobes(shape: tuple[int, ...], most_bytes: float) -> float:
    """Return how many of most_bytes are left to lobes and facets beside the index of a picture (H, W)."""
    return most_bytes - index_bytes(shape)


def index_bytes(shape: tuple[int, ...]) -> int:
    """Return how many bytes the index of a picture (H, W) takes."""
    return shape[0] * -(-shape[1] // BLOCK) * BLOCK_BYTES


def keep_lobes(sets: LobeSets, kept: Bool, *, formed: bool) -> None:
    """Take out of sets all lobes but those that are kept (T, K)."""
    for some in _slices(len(kept)):
        order = np.argsort(~kept[some], axis=1, kind="stable")
        rows = np.arange(len(order))[:, None]
        for values in held(sets, formed=formed):
            if values is not sets.number:
                values[some] = values[some][rows, order]
    sets.number[:] = kept.sum(axis=1)


def most_shown(sets: LobeSets, search: Search) -> F32:
    """Return the light (T, K) that lobes show of a light at most, displayed; 0 where there is none."""
    there = np.arange(MAX_LOBES) < sets.number[:, None]
    bright = np.zeros_like(sets.width)
    bright[there] = sets.amplitude[there].max(axis=1) * _highest(sets.width[there], search.area, search.blur)
    return bright


@kernel
def _highest(width: F32, area: np.float32, blur: np.float32) -> F32:
    """Return how much of a light lobes of some widths (N,) see at most."""
    share = np.empty_like(width)
    for n in range(len(width)):
        share[n] = lobe_response(np.float32(0.0), area, blur + width[n] * width[n])
    return share


def _slices(count: int) -> Iterator[slice]:
    """Yield slices of some thousand texels that cover `count`."""
    for begin in range(0, count, CHUNK):
        yield slice(begin, min(begin + CHUNK, count))


def flatten(facets: Facets, members: Members, places: Places, radius: float) -> Facets:
    """Return the facets without slopes where these would change their direction by less than FLAT of a radius."""
    slope = tabulate(facets, members, places, FLAT * radius).slope
    plane = facets.plane.copy()
    plane[~slope.any(axis=(1, 2)), 1:] = 0
    return facets._replace(plane=plane)


def tabulate(facets: Facets, members: Members, places: Places, flat: float) -> FacetTable:
    """Return the facets on the chart, their slopes as secants across them. flat: chord that a slope must exceed."""
    count = len(facets.width)
    every = np.arange(count)
    centre = np.rint(facets.centre).astype(np.int64)
    reach = np.ones((count, 2))
    column, row = centre[:, 0], centre[:, 1]
    np.maximum.at(reach[:, 0], members.facet, np.abs(places.column[members.texel] - column[members.facet]))
    np.maximum.at(reach[:, 1], members.facet, np.abs(places.row[members.texel] - row[members.facet]))

    def along(right: F64, down: F64) -> F64:
        return chart_encode(look_along(facets, every, column + right, row + down))

    zero, (wide, high) = np.zeros(count), reach.T
    slope = np.stack(
        [
            (along(wide, zero) - along(-wide, zero))[:, 1] / (2 * wide[:, None]),
            (along(zero, high) - along(zero, -high))[:, 1] / (2 * high[:, None]),
        ],
        axis=2,
    )
    change = np.linalg.norm(slope * reach[:, None], axis=1).max(axis=1)
    slope[change < flat] = 0
    return FacetTable(along(zero, zero), slope, centre, facets.width.astype(np.float64), facets.spread, facets.form)

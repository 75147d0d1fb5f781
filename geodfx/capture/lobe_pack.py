"""From the lobes and facets of a fit to the tables of a stone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, Bool
from geodfx.basis import chart_encode, lobe_response
from geodfx.capture.facet_find import Facets, Members, Places, look_along
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, held
from geodfx.codes import BLOCK
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel
from geodfx.lobe_map import EDGE_WORDS, FacetTable, Lobes, pack_lobes

__all__ = [
    "DIM",
    "FLASH_BYTES",
    "lost_lobes",
    "pack",
    "room_for_lobes",
    "tabulate",
    "thin_out",
]

DIM = 0.01  # of displayed white: a lobe that shows no more is left out; diamond 3 % of them, and 0.01 dB
FLAT = 0.02  # of the light's radius: a facet whose direction changes less from middle to rim needs no slope
CHUNK = 1 << 12  # texels that are worked on at a time
LOBE_BYTES, FACET_BYTES, SLOPE_BYTES, BLOCK_BYTES, EXTENT_BYTES = 4, 16, 16, 8, 8
FLASH_BYTES = FACET_BYTES + SLOPE_BYTES + 4 * EDGE_WORDS + EXTENT_BYTES  # of a facet with edges and an extent


def pack(
    sets: LobeSets,
    facets: Facets,
    members: Members,
    places: Places,
    search: Search,
    most_bytes: float,
) -> Lobes:
    """Return the lobes of texels (T,) of a picture. Each has a facet.

    Lobes are left out that show less than DIM, and where they and the facets would take more than most_bytes, those
    that show least of a light.
    """
    height, width = places.texel.shape
    kept_at_all = _affordable(sets, search, places, most_bytes)
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


def thin_out(sets: LobeSets, search: Search, places: Places, most_bytes: float) -> None:
    """Take out of sets the lobes that would not fit into most_bytes with their facets, those that show least.

    What stays can then be fitted again, and the base below it.
    """
    kept = _affordable(sets, search, places, most_bytes)
    for some in _slices(len(kept)):
        order = np.argsort(~kept[some], axis=1, kind="stable")
        rows = np.arange(len(order))[:, None]
        for values in held(sets, formed=search.formed):
            if values is not sets.number:
                values[some] = values[some][rows, order]
    sets.number[:] = kept.sum(axis=1)


def lost_lobes(sets: LobeSets, search: Search, places: Places, most_bytes: float) -> float:
    """Return what is lost with the lobes that would not fit into most_bytes, a mean square of what a display shows.

    Over texels and lights; a lobe is seen under the share of the hemisphere's lights that its disc covers.
    """
    bright = _bright(sets, search)
    out = (bright >= DIM) & ~_affordable(sets, search, places, most_bytes)
    shown = np.minimum(bright[out].astype(np.float64), 1) ** (2 / DISPLAY_GAMMA)
    return float(shown.sum()) * float(search.area) / 2 / len(bright)


def room_for_lobes(shape: tuple[int, ...], most_bytes: float) -> float:
    """Return how many of most_bytes are left to lobes and facets beside the index of a picture (H, W)."""
    return most_bytes - shape[0] * -(-shape[1] // BLOCK) * BLOCK_BYTES


def _bright(sets: LobeSets, search: Search) -> F32:
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


def _affordable(sets: LobeSets, search: Search, places: Places, most_bytes: float) -> Bool:
    """Tell which lobes (T, K) to keep: those that show DIM or more, until most_bytes are full.

    The brightest for their bytes come first; a facet's bytes fall on its lobes in equal parts.
    """
    bright = _bright(sets, search).ravel()
    seen = np.flatnonzero(bright >= DIM)
    room = room_for_lobes(places.texel.shape, most_bytes)
    kept = np.zeros(sets.width.size, np.bool_)
    kept[seen[_brightest_that_fit(bright[seen], sets.facet.ravel()[seen], room)]] = True
    return kept.reshape(sets.width.shape)


def _brightest_that_fit(bright: F32, facet: npt.NDArray[np.int32], room: float) -> Bool:
    """Tell which of N lobes to keep until so many bytes are full: the brightest for their bytes.

    facet: (N,) of each lobe, whose bytes fall on its lobes in equal parts; -1: one of its own. A facet
    of several lobes has a slope.
    """
    alone = facet < 0
    size = np.bincount(facet[~alone], minlength=1)
    tables = FACET_BYTES * (np.count_nonzero(alone) + np.count_nonzero(size))
    tables += SLOPE_BYTES * int(np.count_nonzero(size > 1))
    if LOBE_BYTES * len(bright) + tables <= room:
        return np.ones(len(bright), np.bool_)
    share = np.where(alone, 1, size[facet])
    table = np.where(share > 1, FACET_BYTES + SLOPE_BYTES, FACET_BYTES)
    order = np.argsort(-bright / (LOBE_BYTES + table / share), kind="stable")
    opens = alone[order]
    opens[np.unique(facet[order], return_index=True)[1]] = True
    fits = np.cumsum(LOBE_BYTES + opens * table[order]) <= room
    kept = np.zeros(len(bright), np.bool_)
    kept[order[fits]] = True
    return kept


def _slices(count: int) -> Iterator[slice]:
    """Yield slices of some thousand texels that cover `count`."""
    for begin in range(0, count, CHUNK):
        yield slice(begin, min(begin + CHUNK, count))


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

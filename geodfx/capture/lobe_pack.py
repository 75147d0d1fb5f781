"""From the lobes and facets of a fit to the tables of a stone."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.basis import chart_encode, lobe_response
from geodfx.capture.facet_find import Facets, Members, Places, look_along
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets
from geodfx.codes import BLOCK
from geodfx.jit import kernel
from geodfx.lobe_map import FacetTable, Lobes, pack_lobes

__all__ = ["pack"]

DIM = 0.01  # of displayed white: a lobe that shows no more is left out; diamond 3 % of them, and 0.01 dB
FLAT = 0.02  # of the light's radius: a facet whose direction changes less from middle to rim needs no slope
LOBE_BYTES, FACET_BYTES, BLOCK_BYTES = 4, 32, 8


def pack(
    sets: LobeSets,
    facets: Facets,
    members: Members,
    places: Places,
    search: Search,
    most_bytes: float,
) -> Lobes:
    """Return the lobes of texels (T,) of a picture. Each has a facet.

    Where lobes and facets would take more than most_bytes, those lobes are left out that show least of a light.
    """
    height, width = places.texel.shape
    texel = places.row.astype(np.int64) * width + places.column
    there = np.arange(MAX_LOBES) < sets.number[:, None]
    bright = np.zeros_like(sets.width)
    bright[there] = sets.amplitude[there].max(axis=1) * _highest(sets.width[there], search.area, search.blur)
    least = _least(bright, most_bytes - height * -(-width // BLOCK) * BLOCK_BYTES - len(facets.width) * FACET_BYTES)
    order = np.argsort(-np.where(there, sets.amplitude.sum(axis=2), -1), axis=1, kind="stable")
    rows = np.arange(len(texel))[:, None]
    kept = bright[rows, order] >= least
    weight = sets.amplitude[rows, order][kept].astype(np.float64) / search.ceiling
    its = np.repeat(texel, kept.sum(axis=1))
    table = _tabulate(facets, members, places, FLAT * float(search.radius))
    return pack_lobes((height, width), its, sets.facet[rows, order][kept].astype(np.int64), weight, table)


@kernel
def _highest(width: F32, area: np.float32, blur: np.float32) -> F32:
    """Return how much of a light lobes of some widths (N,) see at most."""
    share = np.empty_like(width)
    for n in range(len(width)):
        share[n] = lobe_response(np.float32(0.0), area, blur + width[n] * width[n])
    return share


def _least(bright: F32, left_bytes: float) -> float:
    """Return how bright a lobe must be for all to fit into so many bytes; at least DIM."""
    most = int(max(left_bytes, 0)) // LOBE_BYTES
    seen = np.sort(bright[bright >= DIM])[::-1]
    return DIM if len(seen) <= most else float(np.nextafter(seen[most], np.float32(np.inf)))


def _tabulate(facets: Facets, members: Members, places: Places, flat: float) -> FacetTable:
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
    return FacetTable(along(zero, zero), slope, centre, facets.width.astype(np.float64), facets.spread)

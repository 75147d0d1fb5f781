"""From a fit's lobes to a stone's tables: what is kept, and where facets then point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.capture.facet_find import Facets, Places, gather_members, look_along
from geodfx.capture.lobe_pack import DIM, lost_lobes, pack, thin_out
from geodfx.capture.lobe_search import make_search
from geodfx.capture.lobe_work import LobeSets, make_lobe_sets
from geodfx.lobe_map import unpack_lobes

SIDE = 12
SEARCH = make_search(np.array([[0.0, 0.0, 1.0]]), math.radians(10), 40.0, 0.1)


def places() -> Places:
    row, column = np.indices((SIDE, SIDE)).reshape(2, -1).astype(np.int32)
    return Places(column, row, np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE))


def sets_and_facets() -> tuple[LobeSets, Facets]:
    """Return two facets, seen by all texels of one half each, and in every third texel a faint lobe of its own."""
    where, sets = places(), make_lobe_sets(SIDE * SIDE)
    plane = np.zeros((2 + SIDE * SIDE, 3, 3))
    plane[:, 0] = [0.1, 0.2, 0.97]
    plane[1, 0] = [-0.3, 0.1, 0.95]
    plane[0, 1:] = [[0.002, 0.001, 0], [-0.001, 0.003, 0]]
    plane[:, 0] /= np.linalg.norm(plane[:, 0], axis=1, keepdims=True)
    count = len(plane)
    centre = np.full((count, 2), 5.5)
    round_ = np.zeros((count, 2))
    facets = Facets(centre, plane, np.zeros((count, 3, 3)), np.zeros(count, np.float32), round_, np.full(count, 0.01))
    sets.number[:] = 1
    sets.facet[:, 0] = where.column >= SIDE // 2
    sets.amplitude[:, 0] = [2.0, 1.0, 0.5]
    faint = np.arange(0, SIDE * SIDE, 3)
    sets.number[faint] = 2
    sets.facet[faint, 1] = 2 + faint
    sets.amplitude[faint, 1] = 2 * DIM
    return sets, facets


def packed(most_bytes: float, sets: LobeSets, facets: Facets):
    return pack(sets, facets, gather_members(sets, len(facets.width)), places(), SEARCH, most_bytes)


def test_directions_follow_the_facets_slope():
    sets, facets = sets_and_facets()
    lobes = packed(1e6, sets, facets)
    assert (len(lobes.facets), len(lobes.slopes)) == (2 + 48, 1)
    unpacked, where = unpack_lobes(lobes, SIDE), places()
    first = np.searchsorted(unpacked.texel, np.arange(SIDE * SIDE))
    facet = (where.column >= SIDE // 2).astype(np.int64)
    expected = look_along(facets, facet, where.column, where.row)
    assert np.linalg.norm(unpacked.direction[first] - expected, axis=2).max() < 2e-4
    assert unpacked.weight[first] == pytest.approx(np.tile([2.0, 1.0, 0.5], (SIDE * SIDE, 1)) / 40, rel=0.01)


def test_the_dimmest_give_way_where_bytes_are_few():
    sets, facets = sets_and_facets()
    index = SIDE * 2 * 8
    room = index + 2 * 32 + SIDE * SIDE * 4  # for the two facets and what sees them
    assert packed(room + 20 * 10, sets, facets).refs.shape == (SIDE * SIDE + 10,)
    assert packed(room, sets, facets).refs.shape == (SIDE * SIDE,)
    assert packed(0, sets, facets).refs.shape == (0,)


def test_thinning_out_leaves_what_packing_would_keep():
    sets, facets = sets_and_facets()
    before = packed(1200, sets, facets)
    thin_out(sets, SEARCH, places(), 1200)
    assert sets.number.sum() == len(before.refs)
    np.testing.assert_array_equal(packed(1e6, sets, facets).refs, before.refs)


def test_what_is_lost_is_what_a_display_shows_of_the_lobes_left_out():
    sets, _ = sets_and_facets()
    room = SIDE * 2 * 8 + 2 * 32 + SIDE * SIDE * 4
    assert lost_lobes(sets, SEARCH, places(), room + 48 * 20) == 0
    faint = (2 * DIM) ** (2 / 2.2) * (1 - math.cos(math.radians(10))) / 3  # squares, the lights, the texels
    assert lost_lobes(sets, SEARCH, places(), room) == pytest.approx(faint, rel=0.02)
    all_ = lost_lobes(sets, SEARCH, places(), 0)
    assert all_ == pytest.approx(faint + 1 - math.cos(math.radians(10)), rel=0.02)


def test_lobes_that_show_nothing_are_left_out():
    sets, facets = sets_and_facets()
    sets.amplitude[::3, 1] = 0.9 * DIM
    assert len(packed(1e6, sets, facets).refs) == SIDE * SIDE

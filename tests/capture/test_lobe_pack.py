"""From a fit's lobes to a stone's tables: what is kept, and where facets then point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.capture.facet_find import Facets, Places, gather_members, look_along
from geodfx.capture.lobe_pack import DIM, flatten, keep_lobes, pack, packed_bytes
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


def packed(sets: LobeSets, facets: Facets):
    return pack(sets, facets, gather_members(sets, len(facets.width)), places(), SEARCH)


def test_directions_follow_the_facets_slope():
    sets, facets = sets_and_facets()
    lobes = packed(sets, facets)
    assert (len(lobes.facets), len(lobes.slopes)) == (2 + 48, 1)
    unpacked, where = unpack_lobes(lobes, SIDE), places()
    first = np.searchsorted(unpacked.texel, np.arange(SIDE * SIDE))
    facet = (where.column >= SIDE // 2).astype(np.int64)
    expected = look_along(facets, facet, where.column, where.row)
    assert np.linalg.norm(unpacked.direction[first] - expected, axis=2).max() < 2e-4
    assert unpacked.weight[first] == pytest.approx(np.tile([2.0, 1.0, 0.5], (SIDE * SIDE, 1)) / 40, rel=0.01)


def test_lobes_that_show_nothing_are_left_out():
    sets, facets = sets_and_facets()
    sets.amplitude[::3, 1] = 0.9 * DIM
    assert len(packed(sets, facets).refs) == SIDE * SIDE


def test_the_bytes_told_are_those_packed():
    sets, facets = sets_and_facets()
    sets.amplitude[::6, 1] = 0.9 * DIM
    assert packed_bytes(sets, facets, places(), SEARCH) == packed(sets, facets).nbytes


def test_slopes_that_hardly_change_a_facet_are_dropped():
    sets, facets = sets_and_facets()
    members = gather_members(sets, len(facets.width))
    assert flatten(facets, members, places(), float(SEARCH.radius)).plane[0, 1:].any()
    facets.plane[0, 1:] *= 0.02
    level = flatten(facets, members, places(), float(SEARCH.radius))
    assert not level.plane[:, 1:].any()
    np.testing.assert_array_equal(level.plane[:, 0], facets.plane[:, 0])


def test_lobes_that_are_kept_stay_in_their_order():
    sets, _ = sets_and_facets()
    kept = np.zeros(sets.facet.shape, np.bool_)
    kept[::3, 1] = kept[1, 0] = True
    keep_lobes(sets, kept, formed=False)
    np.testing.assert_array_equal(sets.number[:4], [1, 1, 0, 1])
    np.testing.assert_array_equal(sets.facet[:4:3, 0], [2, 5])
    assert sets.amplitude[0, 0] == pytest.approx([2 * DIM] * 3)
    assert sets.facet[1, 0] == 0

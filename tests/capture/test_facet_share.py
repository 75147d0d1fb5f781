"""Facets that texels anywhere share, and lobes left out: what it saves, and what is lost by it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import geodfx
from geodfx.basis import even_directions
from geodfx.capture import facet_share
from geodfx.capture.facet_find import Facets, Places, gather_members, look_along
from geodfx.capture.facet_share import begin_sharing
from geodfx.capture.lobe_pack import DIM, pack
from geodfx.capture.lobe_search import make_search
from geodfx.capture.lobe_work import LobeSets, make_lobe_sets

SIDE = 20
RADIUS = math.radians(10)
SEARCH = make_search(np.array([[0.0, 0.0, 1.0]]), RADIUS, 40.0, 0.1)
CHORD = float(SEARCH.radius)
RECIPE = """
seed = 4
[stone]
cut = "brilliant"
material = "diamond"
[camera]
size = [40, 40]
distance = 8.0
[rig]
kind = "dome"
lights = 32
radius_deg = 12
"""


def places() -> Places:
    row, column = np.indices((SIDE, SIDE)).reshape(2, -1).astype(np.int32)
    return Places(column, row, np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE))


def facets_at(direction, **more) -> Facets:
    """Return flat facets (F, 3) of hard light paths that photos tell exactly, but for what more tells."""
    plane = np.zeros((len(direction), 3, 3))
    plane[:, 0] = direction
    none = np.zeros(len(direction))
    usual = Facets(
        np.zeros((len(plane), 2)), plane, np.zeros_like(plane), none.astype(np.float32), np.zeros((len(plane), 2)), none
    )
    return usual._replace(**more)


def one_each(facet, shown=0.5) -> LobeSets:
    """Return sets whose first texels have a lobe each, of some facets, which shows so much of a light."""
    sets = make_lobe_sets(SIDE * SIDE)
    some = slice(0, len(facet))
    sets.number[some] = 1
    sets.facet[:] = -1
    sets.facet[some, 0] = facet
    sets.amplitude[some, 0] = np.asarray(shown)[..., None]
    return sets


def about(angles_rad):
    """Return directions (N, 3) so far from one."""
    return np.stack([np.sin(angles_rad), np.zeros(len(angles_rad)), np.cos(angles_rad)], axis=1)


def begin(sets, facets, *, joins=True):
    return begin_sharing(sets, facets, places(), SEARCH, joins=joins)


def test_lobes_of_texels_far_apart_that_point_alike_share_a_facet():
    angles = np.concatenate([np.full(20, 0.1), np.full(20, 0.1 + 1.5 * RADIUS)])
    sets, facets = one_each(np.arange(40)), facets_at(about(angles))
    sharing = begin(sets, facets)
    assert sharing.nbytes == 40 * 4 + 2 * 16
    assert sharing.lost == pytest.approx(0, abs=1e-9)
    shared = sharing.write(sets, formed=False)
    there = look_along(shared, sets.facet[:40, 0].astype(np.int64), np.zeros(40), np.zeros(40))
    np.testing.assert_allclose(there, np.repeat(about(angles)[:, None], 3, axis=1), atol=1e-6)


def test_they_keep_their_own_where_photos_tell_them_apart():
    sets, facets = one_each(np.arange(2)), facets_at(about(np.array([0.1, 0.1 + 0.1 * RADIUS])))
    assert begin(sets, facets).nbytes == 2 * (4 + 16)
    unsure = facets._replace(spread=np.full(2, CHORD))
    assert begin(sets, unsure).nbytes == 2 * 4 + 16


def test_what_is_lost_by_joining_is_what_discs_beside_each_other_do_not_share():
    apart = 0.3 * RADIUS
    sets, facets = one_each(np.arange(2)), facets_at(about(np.array([0.1, 0.1 + apart])))
    sharing = begin(sets, facets).within(2 * 4 + 16)
    assert sharing.nbytes == 2 * 4 + 16
    # Both now show a disc that lies half as far off, at its best brightness: what its overlap explains is not lost.
    off, disc = apart / 2, math.pi * RADIUS**2
    lens = 2 * RADIUS**2 * math.acos(off / (2 * RADIUS)) - off / 2 * math.sqrt(4 * RADIUS**2 - off**2)
    lost = 2 * 0.5 ** (2 / 2.2) * (1 - (lens / disc) ** 2) * (1 - math.cos(RADIUS)) / SIDE**2
    assert sharing.lost == pytest.approx(lost, rel=0.05)


def test_facets_of_few_texels_are_flat_before_lobes_are_left_out():
    slope = np.zeros((1, 3, 3))
    slope[0, 0], slope[0, 1] = [0, 0, 1], [0.1 * CHORD, 0, 0]
    sets = one_each(np.zeros(4, np.int64))
    facets = facets_at(np.zeros((1, 3)), plane=slope, centre=np.full((1, 2), 1.5))
    sharing = begin(sets, facets)
    assert sharing.nbytes == 4 * 4 + 32
    flat = sharing.within(4 * 4 + 16)
    assert (flat.nbytes, np.count_nonzero(flat.facet >= 0)) == (4 * 4 + 16, 4)
    assert not flat.write(sets, formed=False).plane[:, 1:].any()


def test_a_large_facet_stays_where_it_is():
    """The single lobe beside it joins it, and does not draw it along."""
    sets = one_each(np.append(np.zeros(100, np.int64), 1))
    facets = facets_at(about(np.array([0.1, 0.1 + 0.1 * RADIUS])))
    sharing = begin(sets, facets).within(101 * 4 + 16)
    assert sharing.nbytes == 101 * 4 + 16
    np.testing.assert_allclose(sharing.write(sets, formed=False).plane[0, 0], about(np.array([0.1]))[0], atol=1e-6)


@pytest.mark.parametrize("joins", [True, False])
def test_all_keeps_within_any_bytes(joins):
    rng = np.random.default_rng(3)
    direction = even_directions(100, 0.2)
    sharing = begin(one_each(np.arange(100), rng.uniform(0.02, 1, 100)), facets_at(direction), joins=joins)
    lost = -1e-9
    for room in (2000, 1500, 1000, 500, 100, 3, 0, -50):
        its = sharing.within(room)
        assert its.nbytes <= max(room, 0)
        assert its.lost >= lost
        lost = its.lost
    assert np.all(its.facet == -1)


@pytest.mark.parametrize("many", [facet_share.MANY, 1])
def test_lobes_far_apart_are_held_to_what_a_gpu_takes_for_each(monkeypatch, many):
    """Their tables take 4 bytes a lobe; a rectangle of one texel takes 10. many: some facets are looked at first."""
    monkeypatch.setattr(facet_share, "MANY", many)
    monkeypatch.setattr(facet_share, "SAMPLED", 3)
    rng = np.random.default_rng(6)
    sets = make_lobe_sets(SIDE * SIDE)
    some = rng.permutation(SIDE * SIDE)[:120]
    sets.facet[:] = -1
    sets.number[some], sets.facet[some, 0], sets.amplitude[some, 0] = 1, np.arange(120) % 12, 0.5
    sharing = begin(sets, facets_at(even_directions(12, 0.2)), joins=False)
    assert sharing.nbytes == 120 * 4 + 12 * 16
    drawn = sharing.as_drawn().nbytes
    assert drawn > 120 * 9 + 12 * 16
    index = SIDE * -(-SIDE // 8) * 8
    room = sharing.nbytes + 10
    assert drawn > room + index
    fewer = sharing.within(room)
    assert np.count_nonzero(sharing.within(2 * drawn).facet >= 0) == 120
    assert fewer.as_drawn().nbytes <= room + index
    assert np.count_nonzero(fewer.facet >= 0) > 60


def test_without_joining_the_dimmest_are_left_out():
    sets = one_each(np.arange(60), np.where(np.arange(60) % 3 == 0, 2 * DIM, 0.8))
    facets = facets_at(even_directions(60, 0.2))
    sharing = begin(sets, facets, joins=False)
    assert sharing.nbytes == 60 * 20
    fewer = sharing.within(40 * 20)
    np.testing.assert_array_equal(fewer.facet < 0, np.arange(60) % 3 == 0)
    faint = 20 * (2 * DIM) ** (2 / 2.2) * (1 - math.cos(RADIUS)) / SIDE**2  # squares, the lights, the texels
    assert fewer.lost == pytest.approx(faint, rel=0.02)
    fewer.write(sets, formed=False)
    np.testing.assert_array_equal(sets.number[:60], np.arange(60) % 3 > 0)


def test_joining_loses_less_than_leaving_out():
    rng = np.random.default_rng(5)
    angles = 0.3 + 0.02 * RADIUS * rng.standard_normal(80)
    sets, facets = one_each(np.arange(80)), facets_at(about(angles))
    lost = [begin(sets, facets, joins=joins).within(700).lost for joins in (True, False)]
    assert lost[0] < 0.05 * lost[1]


def test_more_facets_than_codes_can_name_join(monkeypatch):
    sets, facets = one_each(np.arange(100)), facets_at(even_directions(100, 0.2))
    assert np.count_nonzero(begin(sets, facets).size) == 100
    monkeypatch.setattr(facet_share, "MOST_FACETS", 60)
    monkeypatch.setattr(facet_share, "REACH", 3.0)
    fewer = begin(sets, facets).within(1e9)
    assert np.count_nonzero(fewer.size) <= 60


def test_what_is_packed_takes_the_bytes_that_were_told():
    rng = np.random.default_rng(8)
    sets, facets = one_each(np.arange(90), rng.uniform(0.1, 1, 90)), facets_at(even_directions(90, 0.2))
    sharing = begin(sets, facets).within(900)
    shared = sharing.write(sets, formed=False)
    lobes = pack(sets, shared, gather_members(sets, len(shared.width)), places(), SEARCH)
    assert lobes.nbytes == sharing.nbytes + SIDE * -(-SIDE // 8) * 8


def test_a_small_picture_of_a_brilliant_keeps_to_its_bytes(tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    (session,) = geodfx.simulate(recipe, tmp_path / "session")
    stones = [geodfx.process(session, fast=True, lean=lean) for lean in (False, True)]
    for stone, most in zip(stones, (24, 12), strict=True):
        assert most - 1.5 < max(stone.texel_bytes, stone.table_bytes) <= most

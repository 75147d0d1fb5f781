"""Facets over tilts: the edges that end a flash are found, and what is fitted does not depend on the threads."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import chart_encode, flat_points, formed_chord, lobe_response
from geodfx.capture.facet_edges import NUMBERS, PLACE, WEIGHTS, _add_up, _load, _lose_without, _store, fit_flash
from geodfx.capture.facet_find import Places
from geodfx.capture.facet_flash import Flashes, Reach, Seen, add_flashes, peak_flashes, see_flash
from geodfx.capture.facet_pairs import leave, list_pairs, list_spans
from geodfx.capture.facet_reach import batches_apart, reach_extents
from geodfx.capture.lobe_search import make_search
from geodfx.constants import EDGES
from geodfx.tilting import pseudo_directions

SIDE = 28
RADIUS = math.radians(8)
GRID = np.radians(np.arange(-12, 13, 3.0))
LIGHTS = pseudo_directions(np.array([(pitch, roll) for pitch in GRID for roll in GRID]), 2.0)
POINT = chart_encode(LIGHTS)
SEARCH = make_search(LIGHTS, RADIUS, 50.0, 0.1, formed=True)._replace(light=flat_points(LIGHTS).astype(np.float32))
ROW, COLUMN = (each.ravel().astype(np.int32) for each in np.mgrid[:SIDE, :SIDE])
TEXELS = np.arange(SIDE * SIDE)
MIDDLE, HALF = np.array([13.0, 14.0]), np.array([6.0, 4.0])  # of a facet, texels
MOVES = np.array([40.0, -25.0])  # texels to the right and down, a unit of the chart: 5 and 3 across a flash
BRIGHT = np.array([1.5, 1.0, 0.6])


def shown_by_a_facet_that_moves():
    """Return light (T, L, 3) of a rectangle of texels that moves with the tilt, and flashes at the zenith."""
    apart = np.linalg.norm(LIGHTS - [0, 0, 1], axis=1)
    flash = np.interp(apart, [0.9 * 2 * math.sin(RADIUS / 2), 1.1 * 2 * math.sin(RADIUS / 2)], [1, 0])
    x = COLUMN[:, None] - MIDDLE[0] - MOVES[0] * POINT[:, 0]
    y = ROW[:, None] - MIDDLE[1] - MOVES[1] * POINT[:, 1]
    inside = np.clip(HALF[0] + 0.5 - np.abs(x), 0, 1) * np.clip(HALF[1] + 0.5 - np.abs(y), 0, 1)
    return (inside * flash)[..., None] * BRIGHT


def starting_flash():
    """Return the facet as its texels at the zenith tell it: edges around them that stand still."""
    turn = 2 * math.pi * (np.arange(EDGES) + 0.5) / EDGES
    edge = np.zeros((1, EDGES, 5))
    edge[0, :, 0] = 1.5 * (np.abs(np.cos(turn)) * HALF[0] + np.abs(np.sin(turn)) * HALF[1])
    edge[0, :, 1], edge[0, :, 2] = -1.5 * np.cos(turn), -1.5 * np.sin(turn)
    none, still = np.zeros((1, 2)), np.zeros((1, 2, 2))
    fire = np.zeros((1, 3, 2))
    return Flashes(MIDDLE[None].copy(), none + 0.01, still, none.copy(), np.zeros(1), BRIGHT[None] * 0.7, edge, fire)


def spans_of(flashes):
    return list_spans(SEARCH, flashes)


def one_facet():
    count = len(TEXELS)
    return Reach(np.array([0, count]), TEXELS.astype(np.int32), np.arange(count + 1), np.zeros(count, np.int32))


def all_see(flashes):
    """Return that all texels see the one facet alike."""
    reach = one_facet()
    return Seen(reach.facet_start, reach.facet, np.repeat(flashes.weight, len(TEXELS), axis=0))


def off(flashes, photos):
    """Return the rms between photos and what flashes show."""
    light = np.zeros(photos.shape, np.float32)
    add_flashes(SEARCH, POINT, flashes, all_see(flashes), COLUMN, ROW, TEXELS, light)
    return float(np.sqrt(np.mean((light - photos) ** 2)))


def test_the_edges_of_a_facet_that_moves_are_found():
    photos = shown_by_a_facet_that_moves().astype(np.float32)
    flashes = starting_flash()
    before = off(flashes, photos)
    still = off(flashes._replace(weight=BRIGHT[None]), photos)
    clear = np.ones(photos.shape[:2], np.float32)
    args = (TEXELS, photos, clear, np.zeros_like(photos))
    fit_flash(SEARCH, POINT, flashes, spans_of(flashes), 0, one_facet(), COLUMN, ROW, *args, 60, False)
    after = off(flashes, photos)
    assert after < 0.25 * min(before, still), (before, still, after)
    assert flashes.weight[0] == pytest.approx(BRIGHT, rel=0.08)
    assert np.abs(flashes.place).max() < 0.01


def test_edges_that_are_trusted_stay_where_no_photo_tells_of_them():
    dark = np.zeros((len(TEXELS), len(LIGHTS), 3), np.float32)
    args = (TEXELS, dark, np.zeros(dark.shape[:2], np.float32), np.zeros_like(dark))  # clipped: they ask for no less
    moved = []
    for trusted in (True, False):
        flashes = starting_flash()
        flashes.edge[0, :, 3] = 20.0  # they move with the tilt
        before = flashes.edge.copy()
        fit_flash(SEARCH, POINT, flashes, spans_of(flashes), 0, one_facet(), COLUMN, ROW, *args, 20, trusted)
        moved.append(np.abs(flashes.edge - before).max())
    assert moved[0] < 1e-6
    assert moved[1] > 1.0  # of edges that need no reason, still ones are likelier


def test_a_clipped_photo_asks_for_no_less():
    photos = shown_by_a_facet_that_moves().astype(np.float32)
    clipped = np.minimum(photos, 0.5)
    flashes = starting_flash()
    clear = (photos.max(axis=2) < 0.5).astype(np.float32)
    args = (TEXELS, clipped, clear, np.zeros_like(photos))
    fit_flash(SEARCH, POINT, flashes, spans_of(flashes), 0, one_facet(), COLUMN, ROW, *args, 30, False)
    assert flashes.weight[0, 0] > 0.55  # of which no photo tells more than 0.5


def test_a_peak_is_the_most_that_is_seen():
    flashes, reach = starting_flash(), one_facet()
    peak = np.zeros(len(TEXELS), np.float32)
    peak_flashes(SEARCH, POINT, flashes, reach, COLUMN, ROW, 0, 1, peak)
    light = np.zeros((len(TEXELS), len(LIGHTS), 3), np.float32)
    add_flashes(SEARCH, POINT, flashes, all_see(flashes), COLUMN, ROW, TEXELS, light)
    np.testing.assert_allclose(peak, light[..., 0].max(axis=1) / flashes.weight[0, 0], atol=1e-6)


def test_an_extent_reaches_the_texels_of_the_stone_in_it():
    texel = np.arange(12, dtype=np.int32).reshape(3, 4)
    texel[1, 1] = -1  # not of the stone
    places = Places(np.zeros(12, np.int32), np.zeros(12, np.int32), texel)
    reach = reach_extents(places, np.array([[0, 0, 2, 2], [1, 1, 3, 2]]), 12)
    assert reach.texel[: reach.texel_start[1]].tolist() == [0, 1, 4]
    assert reach.texel[reach.texel_start[1] :].tolist() == [6, 7, 9, 10, 11]
    assert reach.facet[reach.facet_start[9] : reach.facet_start[10]].tolist() == [1]


def test_facets_of_a_batch_share_no_texel():
    rng = np.random.default_rng(3)
    texels = [np.unique(rng.integers(0, 400, rng.integers(1, 40))) for _ in range(150)]
    start = np.concatenate([[0], np.cumsum([len(each) for each in texels])])
    reach = Reach(start, np.concatenate(texels).astype(np.int32), np.zeros(401, np.int64), np.zeros(0, np.int32))
    batches = batches_apart(reach, rng.random(150), 400)
    assert sorted(np.concatenate(batches)) == list(range(150))
    for batch in batches:
        its = np.concatenate([texels[f] for f in batch])
        assert len(np.unique(its)) == len(its)
    assert len(batches) < 60  # of 150


def test_a_facet_tells_what_it_saves():
    photos = shown_by_a_facet_that_moves().astype(np.float32)
    clear = np.ones(photos.shape[:2], np.float32)
    told = []
    for base in (np.zeros_like(photos), photos):  # the second leaves nothing to a facet
        flashes = starting_flash()
        args = (TEXELS, photos, clear, base)
        told.append(fit_flash(SEARCH, POINT, flashes, spans_of(flashes), 0, one_facet(), COLUMN, ROW, *args, 30, False))
    assert told[0] > 100
    assert abs(told[1]) < 1e-3 * told[0]


def test_what_others_leave_is_the_same_however_few_of_them_are_looked_at():
    rng = np.random.default_rng(5)
    count, some = 40, np.arange(0, len(TEXELS), 7)
    form = rng.uniform(-0.69, 0.69, (count, 2))
    flashes = Flashes(
        rng.uniform(0, SIDE, (count, 2)),
        rng.uniform(-0.5, 0.5, (count, 2)),
        rng.normal(0, 0.004, (count, 2, 2)),
        form,
        rng.choice([0.0, 0.06], count),
        rng.uniform(0.1, 1, (count, 3)),
        rng.normal(0, 0.5, (count, EDGES, 5)) + np.array([6.0, 0, 0, 0, 0]),
        rng.uniform(-0.08, 0.08, (count, 3, 2)) * np.array([1.0, 0.0, 1.0])[:, None],
    )
    every = np.tile(np.arange(count, dtype=np.int32), len(TEXELS))
    owned = np.tile(TEXELS.astype(np.int32), count)
    reach = Reach(len(TEXELS) * np.arange(count + 1), owned, count * np.arange(len(TEXELS) + 1), every)
    photos = rng.uniform(0, 1, (len(some), len(LIGHTS), 3)).astype(np.float32)
    sample, light = np.empty(64 * len(some), np.int32), np.empty(64 * len(some), np.int32)
    shared = 0
    for f in range(0, count, 5):
        pairs = list_pairs(SEARCH, flashes, f, COLUMN, ROW, some, sample, light)
        left = np.empty((pairs, 3))
        args = (some, photos, np.zeros_like(photos), sample, light, pairs, left)
        leave(SEARCH, POINT, flashes, spans_of(flashes), f, reach, COLUMN, ROW, *args)
        want = photos[sample[:pairs], light[:pairs]].astype(np.float64)
        lights, seen = np.arange(len(LIGHTS), dtype=np.int32), np.empty((len(LIGHTS), 3))
        for m in range(pairs):
            t = some[sample[m]]
            for other in set(range(count)) - {f}:
                see_flash(SEARCH, POINT, flashes, other, float(COLUMN[t]), float(ROW[t]), lights, len(lights), seen)
                want[m] -= flashes.weight[other] * seen[light[m]]
                shared += seen[light[m]].max() > 0
        np.testing.assert_allclose(left, want, atol=1e-9)
    assert shared > 1000


def test_lights_that_are_passed_over_show_nothing():
    flashes = fiery_flash()
    lights, seen = np.arange(len(LIGHTS), dtype=np.int32), np.empty((len(LIGHTS), 3))
    form, dark, lit = flashes.form[0].astype(np.float32), 0, 0
    for t in TEXELS[::7]:
        right, down = COLUMN[t] - flashes.centre[0, 0], ROW[t] - flashes.centre[0, 1]
        towards = flashes.place[0] + flashes.slope[0] @ [right, down] + flashes.fire[0]
        see_flash(SEARCH, POINT, flashes, 0, float(COLUMN[t]), float(ROW[t]), lights, len(lights), seen)
        for i in range(len(LIGHTS)):
            inside = flashes.edge[0] @ [1, right, down, *(POINT[i] - flashes.place[0])]
            share = np.prod(1 / (1 + np.exp(-inside)))
            away = (towards - SEARCH.light[i, :2]).astype(np.float32)
            q = [formed_chord(x, y, np.float32(0), *form) for x, y in away]
            variance = SEARCH.blur + np.float32(flashes.width[0] ** 2)
            want = share * np.array([lobe_response(each, SEARCH.area, variance) for each in q])
            np.testing.assert_allclose(seen[i], want, atol=2e-4)
            dark, lit = dark + (want.max() == 0), lit + (want.max() > 0.1)
    assert dark > 20 and lit > 20


def fiery_flash():
    """Return a facet all of whose numbers matter, with fire."""
    rng = np.random.default_rng(8)
    flashes = starting_flash()
    flashes.slope[0] = rng.normal(0, 0.002, (2, 2))
    flashes.form[0] = 0.5, 0.3
    flashes.edge[0] += rng.normal(0, 0.3, (EDGES, 5))
    flashes.fire[0] = (-0.03, 0.02), (0, 0), (0.05, -0.03)
    return flashes


def test_a_channel_shows_what_a_facet_shows_that_points_to_where_it_does():
    fiery, lights = fiery_flash(), np.arange(len(LIGHTS), dtype=np.int32)
    free = np.zeros((1, EDGES, 5)) + np.array([20.0, 0, 0, 0, 0])
    fiery, seen, want = fiery._replace(edge=free), np.empty((len(LIGHTS), 3)), np.empty((len(LIGHTS), 3))
    see_flash(SEARCH, POINT, fiery, 0, 15.0, 12.0, lights, len(lights), seen)
    for c in range(3):
        plain = fiery._replace(place=fiery.place + fiery.fire[:, c], fire=np.zeros((1, 3, 2)))
        see_flash(SEARCH, POINT, plain, 0, 15.0, 12.0, lights, len(lights), want)
        np.testing.assert_allclose(seen[:, c], want[:, 0], atol=1e-6)
        assert (want[:, 0] == want[:, 2]).all()
    assert np.abs(seen[:, 0] - seen[:, 2]).max() > 0.3


def test_pull_and_bend_are_slopes_of_the_loss_and_of_what_is_seen():
    flashes, texels = fiery_flash(), TEXELS[::3]
    photos = shown_by_a_facet_that_moves()[texels]
    sample, light = np.empty(64 * len(texels), np.int32), np.empty(64 * len(texels), np.int32)
    count = list_pairs(SEARCH, flashes, 0, COLUMN, ROW, texels, sample, light)
    left = photos[sample[:count], light[:count]]
    weight = np.random.default_rng(1).uniform(0.2, 1, (count, 3))
    clear, dark = np.ones(photos.shape[:2], np.float32), np.empty(count)
    _lose_without(clear, sample, light, left, weight, dark)
    right, down = COLUMN[texels] - flashes.centre[0, 0], ROW[texels] - flashes.centre[0, 1]
    first, scale = np.empty(NUMBERS), float(SEARCH.radius)
    _load(flashes, 0, scale, first)

    def add_up(numbers):
        pull, stiff = np.empty(NUMBERS), np.empty((NUMBERS, NUMBERS))
        args = (POINT, right, down, clear, sample, light, count, left, weight, dark)
        loss = _add_up(SEARCH, flashes, 0, scale, *args, numbers, first, 1.0, pull, stiff)
        return loss, pull, stiff

    at = first.copy()
    at[:PLACE] += np.random.default_rng(2).normal(0, 0.05, PLACE)
    at[PLACE:WEIGHTS] += 0.01
    loss, pull, stiff = add_up(at)
    assert loss > 10
    for j in range(NUMBERS):
        step = 1e-3 * np.eye(NUMBERS)[j]
        slope = (add_up(at + step)[0] - add_up(at - step)[0]) / 2e-3
        assert -2 * pull[j] == pytest.approx(slope, abs=0.1 * np.abs(2 * pull).max()), j  # of a softer ramp
    # Where photos are what is seen, the loss is the bend's own: no second slopes matter.
    stiff = np.tril(stiff) + np.tril(stiff, -1).T
    assert np.linalg.eigvalsh(stiff).min() > -1e-6 * np.abs(stiff).max()
    rising = np.random.default_rng(3).normal(0, 1e-3, NUMBERS)
    seen, moved = (_seen_by(flashes, numbers, texels, sample[:count], light[:count]) for numbers in (at, at + rising))
    costs = add_up(at + rising)[0] - add_up(at)[0]
    change = float(np.sum(weight * (moved - seen) ** 2))
    bend = float(rising @ stiff @ rising)
    assert bend == pytest.approx(change, rel=0.1)
    assert costs == pytest.approx(bend - 2 * rising @ pull, rel=0.1, abs=0.1 * bend)


def _seen_by(flashes, numbers, texels, sample, light):
    """Return what pairs (M,) see of a facet with some numbers, displayed light (M, 3)."""
    moved = Flashes(*(each.copy() for each in flashes))
    _store(moved, 0, float(SEARCH.radius), numbers)
    every, seen = np.arange(len(LIGHTS), dtype=np.int32), np.empty((len(LIGHTS), 3))
    shown = np.empty((len(texels), len(LIGHTS), 3))
    for n, t in enumerate(texels):
        see_flash(SEARCH, POINT, moved, 0, float(COLUMN[t]), float(ROW[t]), every, len(every), seen)
        shown[n] = seen
    return shown[sample, light] * moved.weight[0]

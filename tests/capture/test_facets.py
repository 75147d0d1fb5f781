"""Facets found, moved and picked, on lobes and photos whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import nnls

from geodfx.arrays import F32, F64
from geodfx.basis import lobe_response
from geodfx.capture.facet_find import Facets, Places, find_facets, gather_members, guess_facets, look_along
from geodfx.capture.facet_fit import finish_facets, move_facets
from geodfx.capture.facet_pick import MAX_CHOICES, pick_lobes
from geodfx.capture.facet_pool import Samples, make_pool, set_close, set_frame
from geodfx.capture.fit_base import even_dark, guess_prior, learn_prior
from geodfx.capture.lobe_channels import settle_channels
from geodfx.capture.lobe_others import alone_squares, make_others, set_others
from geodfx.capture.lobe_search import Search, best_amplitude, make_search
from geodfx.capture.lobe_work import LobeSets, make_lobe_sets, make_work, set_response, settle, start
from tests.capture.test_fit import dome

SIZE = 24
RADIUS_RAD = math.radians(10)
CHORD = 2 * math.sin(RADIUS_RAD / 2)
TURNING = 0.004  # radians a texel: over the picture, most of a light's edge


@pytest.fixture(scope="module")
def search() -> Search:
    return make_search(dome(96), RADIUS_RAD, 4.0, 0.1)


@pytest.fixture
def places() -> Places:
    place = np.arange(SIZE * SIZE, dtype=np.int32).reshape(SIZE, SIZE)
    row, column = np.divmod(np.arange(SIZE * SIZE, dtype=np.int32), np.int32(SIZE))
    return Places(column, row, place)


def mirror(places: Places, middle: tuple[float, float]) -> F64:
    """Return the exit directions (T, 3) of one flat mirror under a near camera: they turn with the view."""
    x, y = (places.column - SIZE / 2) * TURNING, (places.row - SIZE / 2) * TURNING
    d = np.stack([middle[0] + x, middle[1] - y, np.ones(len(x))], axis=1)
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def one_lobe(direction: F64, amplitude: float) -> LobeSets:
    sets = make_lobe_sets(len(direction))
    sets.number[:] = 1
    sets.direction[:, 0] = direction
    sets.amplitude[:, 0] = amplitude
    return sets


def shown(search: Search, direction: F64, amplitude: float) -> F32:
    """Return displayed light (T, L, 3) of sharp lobes (T, 3) under the search's lights."""
    q = ((direction[:, None] - search.light) ** 2).sum(axis=2).astype(np.float32)
    respond = np.vectorize(lambda x: lobe_response(np.float32(x), search.area, search.blur))
    return np.repeat((amplitude * respond(q))[..., None], 3, axis=2).astype(np.float32)


def samples_of(places: Places, facets: Facets, x: F32) -> Samples:
    """Return every texel as a sample of the one facet there is."""
    count = len(x)
    column, row = places.column - facets.centre[0, 0], places.row - facets.centre[0, 1]
    dark = np.zeros_like(x)
    texel = np.arange(count, dtype=np.int64)
    lobe = np.zeros(count, np.int64)
    return Samples(np.array([0, count]), texel, lobe, column, row, x, np.ones(x.shape[:2], np.float32), dark)


def off_deg(a: F64, b: F64) -> F64:
    degrees: F64 = np.degrees(2 * np.arcsin(np.linalg.norm(a - b, axis=-1) / 2))
    return degrees


def test_two_mirrors_are_two_facets_and_lone_lobes_are_none(places: Places):
    left = places.column < SIZE // 2
    exits = np.where(left[:, None], mirror(places, (0.2, 0.1)), mirror(places, (-0.4, 0.3)))
    rng = np.random.default_rng(1)
    noisy = exits + rng.normal(0, 0.06 * CHORD, exits.shape)
    lone = 5 * SIZE + 5
    noisy[lone] = (0.7, 0.0, 0.714)
    sets = one_lobe(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), 0.5)
    count = find_facets(sets, places, CHORD)
    assert count == 2
    assert sets.facet[lone, 0] == -1
    others = np.arange(SIZE * SIZE) != lone
    assert len(set(sets.facet[left & others, 0])) == 1
    assert len(set(sets.facet[~left, 0])) == 1
    members = gather_members(sets, count)
    assert np.diff(members.start).sum() == SIZE * SIZE - 1
    facets = guess_facets(sets, members, places)
    told = look_along(facets, members.facet, places.column[members.texel], places.row[members.texel])[:, 1]
    assert np.median(off_deg(told, exits[members.texel])) < 0.3  # a texel alone is off by 0.7


def test_a_facet_moves_to_where_all_its_texels_say(search: Search, places: Places):
    """Its direction and slope come out to a small part of the light's radius, from a start that is off by a third."""
    exits = mirror(places, (0.2, 0.1))
    x = shown(search, exits, 0.5)
    start = exits + np.array([0.25, -0.2, 0.0]) * CHORD
    sets = one_lobe(start / np.linalg.norm(start, axis=1, keepdims=True), 0.5)
    sets.facet[:, 0] = 0
    flat = sets.direction[:, 0].mean(axis=0).astype(np.float64)
    plane = np.zeros((1, 3, 3))
    plane[0, 0] = flat / np.linalg.norm(flat)
    centre, round_ = np.full((1, 2), (SIZE - 1) / 2), np.zeros((1, 2))
    facets = Facets(centre, plane, np.zeros((1, 3, 3)), np.zeros(1, np.float32), round_, np.zeros(1))
    facet = np.zeros(SIZE * SIZE, np.int64)
    before = off_deg(look_along(facets, facet, places.column, places.row)[:, 1], exits)
    move_facets(search, make_work(search), sets, samples_of(places, facets, x), 0, TURNING, facets)
    after = off_deg(look_along(facets, facet, places.column, places.row)[:, 1], exits)
    assert np.median(before) > 2.5
    assert np.median(after) < 0.8  # a light's edge is 2.4 degrees wide
    assert after.max() < 2.0


@pytest.mark.parametrize("width", [0.0, 0.1])
def test_close_lights_are_all_that_a_facets_texels_may_see(search: Search, places: Places, width: float):
    """Where it stands and a step away, with slopes a step steeper; and they are fewer than those that are near."""
    exits = mirror(places, (0.2, 0.1))
    centre, round_ = np.full((1, 2), (SIZE - 1) / 2), np.zeros((1, 2))
    plane = np.zeros((1, 3, 3))
    plane[0, 0] = exits.mean(axis=0) / np.linalg.norm(exits.mean(axis=0))
    facets = Facets(centre, plane, np.zeros((1, 3, 3)), np.full(1, width, np.float32), round_, np.zeros(1))
    samples = samples_of(places, facets, shown(search, exits, 0.5))
    pool = make_pool(samples, len(search.light))
    count = pool.column.shape[0]
    pool.column[:], pool.row[:] = samples.column, samples.row
    near = set_frame(search, plane[0], np.float32(width), round_[0], pool)
    place, step, slope = np.array([0.02, -0.03, 0.002, -0.001, 0.001, 0.003, 0, 0]), 0.03, 0.002
    close = set_close(search, pool, count, near, np.float32(width), place, step, slope)
    listed = set(pool.close[:close].tolist())
    seen: set[int] = set()
    for turn in np.arange(16) * math.pi / 8:
        moved = place[:6] + np.array([step * math.cos(turn), step * math.sin(turn), 0, 0, 0, 0])
        moved[2:] += slope * np.random.default_rng(int(100 * turn)).choice([-1.0, 0.0, 1.0], 4)
        a = moved[0] + moved[2] * samples.column + moved[3] * samples.row
        b = moved[1] + moved[4] * samples.column + moved[5] * samples.row
        d = pool.frame[0] + a[:, None] * pool.frame[1] + b[:, None] * pool.frame[2]
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        q = ((d[:, None] - search.light) ** 2).sum(axis=2).min(axis=0)
        respond = [lobe_response(np.float32(x), search.area, np.float32(search.blur + width**2)) > 0 for x in q]
        seen |= set(np.flatnonzero(respond).tolist()) & set(pool.near[:near].tolist())
    assert seen <= listed
    assert len(listed) < near


def test_settled_amplitudes_are_the_least_squares_that_are_not_negative(search: Search):
    """By SciPy's solver, in float64, a channel at a time."""
    rng = np.random.default_rng(5)
    work = make_work(search)
    base = np.zeros((len(search.light), 3), np.float32)
    x = (rng.random(base.shape) * 0.4).astype(np.float32)
    for k in range(4):  # close enough to share lights
        d = np.array([0.2 + 0.1 * k, 0.1 - 0.05 * k, 1.0])
        work.direction[k] = d / np.linalg.norm(d)
        set_response(search, work, k)
    start(work, x, np.ones(len(x), np.float32), base)
    settle(search, work, 4)
    r = np.zeros((len(x), 4))
    for k in range(4):
        r[work.lit[k, : work.lit_count[k]], k] = work.response[k, : work.lit_count[k]]
    for c in range(3):
        root = np.sqrt(work.weight[:, c].astype(np.float64))
        # The cost of an amplitude is linear: completed to a square, it moves what is to be met.
        normal, right = (r * root[:, None] ** 2).T @ r, (r * root[:, None] ** 2).T @ x[:, c] - work.cost[:4]
        half = np.linalg.cholesky(normal + 1e-6 * np.eye(4))
        expected, _ = nnls(half.T, np.linalg.solve(half, right))
        assert work.amplitude[:4, c] == pytest.approx(expected, abs=2e-3)
        assert work.left[:, c] == pytest.approx(x[:, c] - r @ work.amplitude[:4, c], abs=1e-6)


def test_a_lobe_gains_what_the_loss_falls_by_when_all_amplitudes_are_solved_for():
    """By a direct solve of the weighted least squares, with the lobe and without, in float64."""
    search = make_search(dome(96), RADIUS_RAD, 100.0, 0.0)
    rng = np.random.default_rng(3)
    middle = np.array([0.2, 0.1, 0.97])
    directions = middle + rng.normal(0, 0.7 * CHORD, (5, 3))
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    response = shown(search, directions, 1.0)[..., 0]
    assert ((response[:4] * response[4]).max(axis=1) > 0).sum() >= 3  # these share lights with the last
    x = (response.T @ rng.uniform(0.3, 0.6, (5, 3)) + rng.uniform(0, 0.02, (len(search.light), 3))).astype(np.float32)
    work, others = make_work(search), make_others(len(search.light))
    start(work, x, np.ones(len(x), np.float32), np.zeros_like(x))
    for k in range(4):
        work.direction[k] = directions[k]
        set_response(search, work, k)
    for _ in range(50):
        settle(search, work, 4)
    assert work.amplitude[:4].min() > 0
    set_others(work, 4, others.response, others.factor)
    shared = np.einsum("lc,l,kl->kc", work.weight, response[4], response)
    squares = alone_squares(*shared[4], shared[:4], others.factor, 4)
    for c in range(3):
        root = np.sqrt(work.weight[:, c].astype(np.float64))

        def loss(lobes: int, c: int = c, root: F64 = root) -> float:
            matrix = root[:, None] * response[:lobes].T
            solved = np.linalg.lstsq(matrix, root * x[:, c], rcond=None)[0]
            return float(((matrix @ solved - root * x[:, c]) ** 2).sum())

        along = np.float32((work.weight[:, c] * response[4]) @ work.left[:, c])
        gain = best_amplitude(along, squares[c], np.float32(0.0), search.ceiling)[1]
        fixed = best_amplitude(along, shared[4, c], np.float32(0.0), search.ceiling)[1]
        assert gain == pytest.approx(loss(4) - loss(5), rel=0.02)
        assert fixed < 0.8 * gain


def test_facets_that_share_lights_are_told_apart(search: Search, places: Places):
    """A facet moves to its place though another one has taken its light while it stood elsewhere."""
    near, far = mirror(places, (0.2, 0.1)), mirror(places, (0.2 + 0.9 * CHORD, 0.1))
    share = np.random.default_rng(4).uniform(0.2, 0.8, (SIZE * SIZE, 1, 1)).astype(np.float32)
    x = share * shown(search, near, 0.5) + (1 - share) * shown(search, far, 0.5)
    wrong = near + np.array([-0.6, 0.3, 0.0]) * CHORD
    wrong /= np.linalg.norm(wrong, axis=1, keepdims=True)
    sets = one_lobe(wrong, 0.5)
    sets.number[:] = 2
    sets.direction[:, 1] = far
    work = make_work(search)
    for t in range(SIZE * SIZE):
        start(work, x[t], np.ones(len(x[t]), np.float32), np.zeros_like(x[t]))
        for k in range(2):
            work.direction[k] = sets.direction[t, k]
            set_response(search, work, k)
        settle(search, work, 2)
        sets.amplitude[t, :2] = work.amplitude[:2]
    sets.facet[:, 0] = 0
    facets = guess_facets(sets, gather_members(sets, 1), places)
    move_facets(search, work, sets, samples_of(places, facets, x), 0, TURNING, facets)
    told = look_along(facets, np.zeros(SIZE * SIZE, np.int64), places.column, places.row)[:, 1]
    assert np.median(off_deg(told, near)) < 1.5  # 3.4 where the other's amplitudes are held


def test_fire_and_doubt(search: Search, places: Places):
    """Blue light that leaves elsewhere is found there; where a light's edge crosses a facet there is less doubt."""
    exits = mirror(places, (0.2, 0.1))
    blue = exits + np.array([0.02, 0.01, 0.0])
    blue /= np.linalg.norm(blue, axis=1, keepdims=True)
    x = shown(search, exits, 0.5)
    x[..., 2] = shown(search, blue, 0.5)[..., 2]
    sets = one_lobe(exits, 0.5)
    sets.facet[:, 0] = 0
    members = gather_members(sets, 1)
    facets = guess_facets(sets, members, places)
    size = np.diff(members.start)
    finish_facets(search, make_work(search), sets, samples_of(places, facets, x), size, 0, facets)
    told = facets.fire[0, 2] - facets.fire[0, 1]
    assert off_deg(told, (blue - exits).mean(axis=0)) < 0.5
    assert np.linalg.norm(facets.fire[0, 0] - facets.fire[0, 1]) < 0.005
    assert 0 < facets.spread[0] < 0.3 * CHORD


@pytest.mark.parametrize("swaps", [True, False])
def test_a_texel_picks_the_facets_that_explain_it(search: Search, places: Places, swaps: bool):
    """A texel that found nothing, and one that found it elsewhere, both take the lobe of the facet about them."""
    exits = mirror(places, (0.2, 0.1))
    x = shown(search, exits, 0.5)
    sets = one_lobe(exits, 0.5)
    sets.facet[:, 0] = 0
    facets = guess_facets(sets, gather_members(sets, 1), places)
    missed, wrong = 7 * SIZE + 7, 12 * SIZE + 12
    sets.number[missed] = 0
    sets.direction[wrong, 0], sets.facet[wrong, 0] = (-0.5, 0.5, math.sqrt(0.5)), -1
    number, facet = sets.number.copy(), sets.facet.copy()
    dark, clear = np.zeros_like(x), np.ones(x.shape[:2], np.float32)
    work, spare, choices = make_work(search), make_work(search), make_work(search, MAX_CHOICES)
    smooth = np.zeros(SIZE * SIZE, np.bool_)
    its = (smooth, places, facets, number, facet, np.float32(0), swaps, sets)
    pick_lobes(search, work, spare, choices, x, clear, dark, 0, *its)
    assert (sets.number == 1).all()
    assert (sets.facet[:, 0] == 0).all()
    assert off_deg(sets.direction[:, 0], exits).max() < 0.5
    assert sets.amplitude[[missed, wrong], 0] == pytest.approx(0.5, rel=0.1)


def test_a_prior_is_what_most_texels_agree_on():
    """Bright texels tell the mean and the variety of a base's shape; dark ones, which hold noise, do not."""
    rng = np.random.default_rng(2)
    shape = np.array([1.0, 0.3, -0.2, 0.0])
    variety = np.array([0.0, 0.1, 0.2, 0.1])
    coefficient = (shape + variety * rng.normal(size=(4000, 3, 4))) * 0.4
    coefficient[:1500] = 0.01 * np.array([1, 5, 5, 5])
    mean, deviation = learn_prior(coefficient.astype(np.float32))
    assert mean == pytest.approx(shape, abs=0.02)
    assert deviation[1:] == pytest.approx(variety[1:], rel=0.1)
    assert learn_prior(np.zeros((10, 3, 4), np.float32)) == pytest.approx(guess_prior(4))


def test_noise_of_dark_bases_is_evened_and_detail_of_bright_ones_stays(places: Places):
    rng = np.random.default_rng(4)
    bright = places.column < SIZE // 2
    level = np.where(bright, 0.5, 1e-3)[:, None, None]
    coefficient = (level * (1 + 0.3 * rng.normal(size=(SIZE * SIZE, 3, 4)))).astype(np.float32)
    before = coefficient.copy()
    even_dark(coefficient, places.column, places.row, 1.0)
    assert (coefficient[bright] == before[bright]).all()
    assert coefficient[~bright].std() < 0.4 * before[~bright].std()
    assert coefficient[~bright].mean() == pytest.approx(before[~bright].mean(), rel=0.03)


def test_what_dark_facets_differ_by_is_no_noise(places: Places):
    """A picture that is dark all over, of facets six texels wide, keeps their rims; each is evened by itself."""
    rng = np.random.default_rng(5)
    wide = 6
    across = SIZE // wide + 1
    level = rng.uniform(0.5, 1.5, (across, across))[places.row // wide, places.column // wide] * 1e-3
    truth = np.repeat(np.repeat(level[:, None, None], 3, axis=1), 4, axis=2)
    coefficient = (truth + 2e-5 * rng.normal(size=truth.shape)).astype(np.float32)
    even_dark(coefficient, places.column, places.row, 1.0)
    assert np.sqrt(np.mean((coefficient - truth) ** 2)) < 2e-5


def test_what_a_texel_is_trusted_to_see_stands_where_its_own_lights_tell_nothing(search: Search):
    """A lobe that no light meets keeps its amplitude when it is trusted; one that a light meets follows the photos."""
    lights = search.light.astype(np.float64)
    blind = np.array([0.0, 0.0, 1.0]) if np.min(np.linalg.norm(lights[:, :2], axis=1)) > 0.4 else None
    direction = np.zeros((1, 2, 3, 3), np.float32)
    direction[0, 0] = (lights[10] / np.linalg.norm(lights[10])).astype(np.float32)
    low = math.radians(88)
    direction[0, 1] = blind if blind is not None else (math.sin(low), 0.0, math.cos(low))
    work = make_work(search, standing=2)
    x = np.zeros((1, len(lights), 3), np.float32)
    near = np.linalg.norm(lights - lights[10], axis=1) < 0.02
    x[0, near] = 0.8
    base, clear = np.zeros_like(x), np.ones(x.shape[:2], np.float32)
    number, width, form = np.array([2], np.int32), np.zeros((1, 2), np.float32), np.zeros((1, 2, 2), np.float32)
    for trust, kept in ((np.float32(0), False), (np.float32(1), True)):
        amplitude, loss = np.full((1, 2, 3), 0.3, np.float32), np.zeros(1, np.float32)
        own = work if trust > 0 else make_work(search)
        settle_channels(search, own, x, clear, base, number, direction, width, form, trust, amplitude, loss)
        assert (amplitude[0, 1] == pytest.approx(0.3, rel=1e-3)) == kept
        assert amplitude[0, 0, 0] > 0.33

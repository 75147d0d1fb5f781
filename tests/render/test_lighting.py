"""Light through a whole frame: energy, sums, mirrors, tilt, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import light_kernel, lobe_response
from geodfx.constants import LIGHT_EDGE
from geodfx.lobe_map import Lobes, empty_lobes, unpack_lobes
from geodfx.render import CpuRenderer, DiscLight, Environment, Tilt, View, relight
from tests.render.stones import (
    lobes_of,
    make_stone,
    no_base,
    random_directions,
    random_stone,
    single_lobe,
    spread_channels,
)


@pytest.fixture(scope="module")
def white_world() -> Environment:
    return Environment.from_radiance(np.ones((16, 32, 3), np.float32))


@pytest.fixture(scope="module")
def one_lamp() -> Environment:
    """Return an environment that is dark but for a lamp at +y."""
    radiance = np.zeros((64, 128, 3), np.float32)
    radiance[:4] = 7
    return Environment.from_radiance(radiance)


def _lambertian():
    """Return a white card: cos(theta) in the hemispherical harmonics of order 0 and 1."""
    base = np.zeros((9, 2, 2, 3))
    base[0] = math.sqrt(2 * math.pi) / 2
    base[2] = math.sqrt(2 * math.pi / 3) / 2
    return make_stone(base, empty_lobes((2, 2)))


def _colour(stone, view):
    return relight(stone, view)[0, 0, :3].astype(np.float64)


def _decoded_green(stone):
    return unpack_lobes(stone.lobes, 1).direction[0, 1].astype(np.float64)


def test_the_same_light_made_larger_gives_the_same_total():
    rng = np.random.default_rng(5)
    count = 1000
    green = random_directions(rng, count, math.cos(math.radians(20)))
    weights = rng.random((count, 3))
    directions, width = spread_channels(rng, green, 0.02), rng.random(count) * 0.1
    stone = make_stone(no_base((10, 10)), lobes_of((10, 10), np.full(100, 10), directions, weights, width))
    lights = 2000  # a spiral over the hemisphere; a disc of 2 degrees holds 1.2 of them, a thousand lobes average that
    z = 1 - (np.arange(lights) + 0.5) / lights
    turn = np.arange(lights) * math.pi * (3 - math.sqrt(5))
    towards = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
    totals = []
    for radius_deg in (2, 5, 10, 25):
        view = View(tuple(DiscLight(tuple(one), math.radians(radius_deg)) for one in towards))
        totals.append(relight(stone, view)[..., :3].sum(axis=(0, 1), dtype=np.float64) * 2 * math.pi / lights)
    # A lobe of weight w turns all of a light of intensity 1 into radiance: the sum over directions is pi w, but for
    # the soft edge, which adds the square of its share.
    expected = math.pi * weights.sum(axis=0) * (1 + LIGHT_EDGE**2)
    np.testing.assert_allclose(totals, np.broadcast_to(expected, (4, 3)), rtol=0.01)
    np.testing.assert_allclose(totals, np.broadcast_to(np.mean(totals, axis=0), (4, 3)), rtol=0.01)


@pytest.mark.parametrize("radius_deg", [2, 10, 25])
def test_a_mirror_lobe_reads_the_discs_radiance(radius_deg):
    stone = single_lobe((0.3, -0.2, 0.9), weight=(1.0, 0.5, 0.25))
    radius = math.radians(radius_deg)
    view = View((DiscLight(tuple(_decoded_green(stone)), radius, (1.0, 2.0, 4.0)),))
    np.testing.assert_allclose(_colour(stone, view), 1 / (2 * (1 - math.cos(radius))), rtol=1e-5)


def test_a_mirror_lobe_sees_the_discs_soft_edge():
    stone, radius = single_lobe((0, 0, 1)), 0.2
    outer, inner = math.cos(radius * (1 + LIGHT_EDGE)), math.cos(radius * (1 - LIGHT_EDGE))
    for factor in (0.85, 0.9, 1.0, 1.1, 1.15):
        angle = factor * radius
        lit = np.interp(math.cos(angle), [outer, inner], [0, 1])  # linear in the cosine
        seen = _colour(stone, View((DiscLight((math.sin(angle), 0, math.cos(angle)), radius),)))
        assert seen == pytest.approx(lit / (2 * (1 - math.cos(radius))), abs=0.01)


def test_lights_add_up_where_the_base_is_linear():
    stone = random_stone()
    a = DiscLight((0.5, 0.2, 0.8), 0.15, (1.0, 0.7, 0.3))
    b = DiscLight((-0.3, 0.5, 0.8), 0.3, (0.2, 0.4, 2.0))
    # The base is cut at 0 after the sum; away from there the sum is exact.
    with_a, with_b, both = (relight(stone, View(lights)) for lights in ((a,), (b,), (a, b)))
    whole = np.minimum(with_a, with_b)[..., :3].min(axis=-1) > 1e-3
    assert whole.mean() > 0.5
    np.testing.assert_allclose((with_a + with_b)[whole][:, :3], both[whole][:, :3], rtol=2e-5)


def test_lights_add_up_where_the_base_is_displayed():
    stone = random_stone("hsh")
    a = DiscLight((0.5, 0.2, 0.8), 0.15, (1.0, 0.7, 0.3))
    b = DiscLight((-0.3, 0.5, 0.8), 0.3, (0.2, 0.4, 2.0))
    with_a, with_b, both = (relight(stone, View(lights))[..., :3] for lights in ((a,), (b,), (a, b)))
    np.testing.assert_allclose(with_a + with_b, both, rtol=2e-5, atol=1e-6)


def test_a_displayed_base_is_decoded_under_each_light():
    base = np.zeros((6, 1, 1, 3))
    base[5] = 0.5  # the constant term
    view = View((DiscLight((0, 0.1, 1), 0.1, (1.0, 2.0, 0.0)),))
    seen = _colour(make_stone(base, model="ptm", display_gain=3.0), view)
    np.testing.assert_allclose(seen, np.array([1, 2, 0]) * 0.5**2.2 / 3, rtol=1e-5)


def test_a_white_card_reads_the_light_it_faces():
    for direction, expected in (((0, 0, 1), 1.0), ((0, math.sin(0.7), math.cos(0.7)), math.cos(0.7))):
        # A disc's mean cosine is its centre's times (1 + cos r) / 2.
        assert _colour(_lambertian(), View((DiscLight(direction, 0.05),))) == pytest.approx(expected, rel=2e-3)


def test_a_white_card_in_a_white_world_reads_1(white_world):
    for tilt in (Tilt(), Tilt(0.3, -0.2)):
        assert _colour(_lambertian(), View(environment=white_world, tilt=tilt)) == pytest.approx(1, rel=2e-3)


def test_a_mirror_in_a_white_world_reads_1(white_world):
    for width in (0.0, 0.05, 0.3):
        stone = single_lobe((0.1, 0.2, 1), width=width)
        assert _colour(stone, View(environment=white_world)) == pytest.approx(1, rel=1e-6)


def test_a_displayed_base_in_a_white_world_gathers_the_hemisphere(white_world):
    base = np.zeros((6, 1, 1, 3))
    base[5] = 0.5
    seen = _colour(make_stone(base, model="ptm", display_gain=3.0), View(environment=white_world))
    np.testing.assert_allclose(seen, 2 * 0.5**2.2 / 3, rtol=1e-4)  # 2 pi of solid angle over pi


@pytest.mark.parametrize("model", ["lobes", "hsh"])
def test_a_small_lamp_is_a_light_of_its_solid_angle(model):
    """An environment dark but for a disc about +z lights a stone as that disc light does, near the middle."""
    radius = math.radians(15)
    radiance = np.zeros((256, 512, 3), np.float32)
    row, column = np.indices((256, 512)) + 0.5
    polar, turn = np.pi * row / 256, np.pi * (column / 256 - 1)
    radiance[-np.sin(polar) * np.cos(turn) > math.cos(radius)] = light_kernel(radius)[0]
    environment = Environment.from_radiance(radiance)
    stone = random_stone(model, shape=(24, 24), widest=0.3)
    lamp = relight(stone, View(environment=environment))[..., :3].mean()
    light = relight(stone, View((DiscLight((0, 0, 1), radius),)))[..., :3].mean()
    assert lamp == pytest.approx(light, rel=0.03)


@pytest.mark.parametrize("model", ["lobes", "hsh", "ptm"])
def test_tilting_the_stone_is_turning_the_light_back(model):
    stone, tilt = random_stone(model), Tilt(0.25, -0.4)
    world = np.array([0.3, 0.4, 0.87])
    tilted = relight(stone, View((DiscLight(tuple(world), 0.2),), tilt=tilt))
    turned = relight(stone, View((DiscLight(tuple(tilt.rotation().T @ world), 0.2),)))
    np.testing.assert_allclose(tilted, turned, rtol=1e-4, atol=1e-5)


def test_a_tilted_mirror_finds_the_lamp(one_lamp):
    """Pitch tips the top edge towards the camera, so that the normal sinks; the other way it rises to the lamp."""
    stone = single_lobe((0, 0, 1))
    assert _colour(stone, View(environment=one_lamp, tilt=Tilt(pitch_rad=-math.pi / 2))) == pytest.approx(7, rel=1e-3)
    assert _colour(stone, View(environment=one_lamp, tilt=Tilt(pitch_rad=math.pi / 2))) == pytest.approx(0)
    assert _colour(stone, View(environment=one_lamp)) == pytest.approx(0)


@pytest.mark.parametrize("model", ["lobes", "hsh"])
def test_a_light_sinks_below_the_horizon_by_degrees(model):
    stone = random_stone(model, seed=3)
    mean = [
        relight(stone, View((DiscLight((math.cos(a), 0, math.sin(a)), 0.2),)))[..., :3].mean()
        for a in (0.05, -0.1, -0.25)
    ]
    assert mean[0] >= mean[1] >= mean[2] == 0
    assert mean[0] > 0


def test_exposure_doubles_a_stop(white_world):
    stone, lights = random_stone(), (DiscLight((0.1, 0.2, 1), 0.3),)
    once = relight(stone, View(lights, white_world, exposure_ev=0))
    twice = relight(stone, View(lights, white_world, exposure_ev=1))
    np.testing.assert_allclose(twice[..., :3], 2 * once[..., :3], rtol=1e-5)
    np.testing.assert_array_equal(twice[..., 3], once[..., 3])


def test_alpha_is_the_fourth_channel_and_nothing_shines_where_it_is_0(white_world):
    stone = random_stone()
    frame = relight(stone, View((DiscLight((0.1, 0.2, 1), 0.3),), white_world))
    np.testing.assert_allclose(frame[..., 3], stone.alpha / 255, rtol=1e-6)
    assert not frame[stone.alpha == 0].any()
    assert np.isfinite(frame).all()


def test_the_early_test_drops_no_light():
    """Lobes seen alone under each of many lights, wide offsets and steep slopes included, against a sum without it."""
    rng = np.random.default_rng(9)
    facets = rng.integers(0, 2**32, (400, 4), dtype=np.uint32)  # any bits: offsets up to their limit
    facets[200:, 2:] = 2048 | 2048 << 12  # mirrors without fire
    facets[:, 1] = 511 | 511 << 9 | 511 << 18 | 15 << 27
    slopes = np.full((100, 4), 32768 | 32768 << 16, np.uint32)
    slopes[:, 0], slopes[:, 3] = 10 | 10 << 16, 0
    slopes[:, 1:3] += rng.integers(0, 3000, (100, 2), dtype=np.uint32) - np.uint32(1500)
    index = lobes_of((20, 20), np.ones(400, int), np.tile([0, 0, 1.0], (400, 3, 1)), np.ones((400, 3)), np.zeros(400))
    refs = np.uint32(0xFFFF0000) + rng.permutation(400).astype(np.uint32)
    lobes = Lobes(index.index, refs, facets, slopes, 1e-5)
    renderer, every = CpuRenderer(make_stone(no_base((20, 20)), lobes)), unpack_lobes(lobes, 20)
    radiance, area, blur = light_kernel(0.3)
    for direction in random_directions(rng, 12, 0.35):
        frame = renderer.render(View((DiscLight(tuple(direction), 0.3),)))[..., :3].reshape(-1, 3)
        q = ((every.direction - direction) ** 2).sum(axis=2)
        share = [
            [lobe_response(np.float32(one), np.float32(area), width**2 + np.float32(blur)) for one in row]
            for row, width in zip(q, every.width, strict=True)
        ]
        np.testing.assert_allclose(frame, every.weight * share * radiance, rtol=2e-4, atol=4e-4)
